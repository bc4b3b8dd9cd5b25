/* The programs: what an application does in a session. */
#ifndef WORK_H
#define WORK_H

typedef struct
{
	const char *name;
	void		(*run) (void);
} Work;

/* Ends with an entry whose name is NULL. */
extern const Work works[];

#endif
