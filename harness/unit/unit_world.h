/* A unit under the real systemd: a world with its files and its server's configuration, started, asked and killed. */
#ifndef LASTACK_UNIT_UNIT_WORLD_H
#define LASTACK_UNIT_UNIT_WORLD_H

#include "nodes/config.h"
#include "redis/client.h"
#include "unit/unit_files.h"

struct la_unit_world {
    const struct la_unit_files *files;
    struct la_world world;
    char server[LA_PATH_MAX];  /* the program that ExecStart names */
    char config[LA_PATH_MAX];  /* the configuration that it names, in the world; empty: none */
    struct la_config settings; /* what that says */
    struct la_address address; /* of the server */
    char folder[LA_PATH_MAX];  /* in which it keeps its data */
};

/* What a world is made with beyond the unit itself. NULL each: nothing. */
struct la_unit_with {
    const char *config;  /* a file of the host's in place of the one that the unit names */
    const char *data;    /* a folder whose content the server begins with */
    const char *drop_in; /* a line of [Service] */
    const char *line;    /* of redis.conf, below all others */
    const char *shown;   /* a folder of the host's, and where it is seen */
    const char *shown_at;
    bool confined; /* nothing in its world may mount, or set up */
};

/* In `folder`, which is made. -1 with `error` filled; in either case la_unit_world_down. The unit is not started. */
int la_unit_world_up(struct la_unit_world *unit, const struct la_unit_files *files, const char *folder,
                     const struct la_unit_with *with, struct la_error *error);
void la_unit_world_down(struct la_unit_world *unit);

/* systemctl WORD UNIT; of what it says, `out` has the beginning (NULL: not wanted). Its exit status. */
int la_unit_do(const struct la_unit_world *unit, const char *word, char *out, size_t size);

/* Until its server lets commands through. False: it does not within the time. */
bool la_unit_wait_serving(const struct la_unit_world *unit, unsigned int ms);

/* SIGKILL to the unit's main process. */
int la_unit_kill(const struct la_unit_world *unit);

/* A property of the unit, as systemctl show gives it; empty: none. */
void la_unit_ask(const struct la_unit_world *unit, const char *property, char *out, size_t size);

#endif
