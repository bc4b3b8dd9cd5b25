/*
 * libpq/libpq-fs.h
 *     Modes of lo_creat and lo_open.
 */

#ifndef LIBPQ_FS_H
#define LIBPQ_FS_H

#define INV_WRITE 0x00020000
#define INV_READ 0x00040000

#endif /* LIBPQ_FS_H */
