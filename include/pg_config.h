/*
 * pg_config.h
 *     The version of the libpq whose interface this is, for programs and build systems that read it here: psycopg2,
 *     PHP, CMake's FindPostgreSQL. Nothing about a server's build.
 */
#ifndef PG_CONFIG_H
#define PG_CONFIG_H

#define PG_MAJORVERSION "19"
#define PG_MAJORVERSION_NUM 19
#define PG_MINORVERSION_NUM 0
#define PG_VERSION "19.0"
#define PG_VERSION_NUM 190000

#endif /* PG_CONFIG_H */
