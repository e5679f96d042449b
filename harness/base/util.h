/* Small things that every module needs: error texts, one clock, paths and files. */
#ifndef LASTACK_BASE_UTIL_H
#define LASTACK_BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dirent;

enum { LA_PATH_MAX = 4096 };

/* Exit statuses, fixed. */
enum { LA_EXIT_HOLDS = 0, LA_EXIT_VIOLATED = 1, LA_EXIT_USAGE = 2, LA_EXIT_INCONCLUSIVE = 3 };

/* One clear line for a person. Empty: no error. */
struct la_error {
    char text[1024];
};

/* Fills `error` and returns -1. */
__attribute__((format(printf, 2, 3))) int la_fail(struct la_error *error, const char *format, ...);

/* CLOCK_MONOTONIC in ns: the one clock of ledger, injection log and harness. */
uint64_t la_now_ns(void);
int64_t la_wall_offset_ns(void); /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
void la_sleep_ms(unsigned int ms);

/* What a duration may be, for messages. */
#define LA_DURATIONS "from 0 to 1000000000 ms, such as 250, 250ms, 1s, 2m, 1h"

/* Milliseconds, or with a unit: 1500, 1500ms, 1.5s, 2m, 1h. -1: it is none. */
int la_duration_ms(const char *text, unsigned int *ms);

/* How many processes the kernel has ended for lack of memory since it was started; 0 where it does not tell. */
uint64_t la_oom_kills(void);

/* For qsort: doubles, the least first. */
int la_ascending(const void *one, const void *other);

/* Joins into a caller's buffer of LA_PATH_MAX; too long a result ends the program with a message. */
__attribute__((format(printf, 2, 3))) void la_path(char out[LA_PATH_MAX], const char *format, ...);

/* A name as it is seen from a folder: itself where it begins with a slash. `out` may be the folder. */
void la_path_from(char out[LA_PATH_MAX], const char *folder, const char *name);

/* Both are there and are one, by whatever names. False for NULL. */
bool la_same_file(const char *one, const char *other);

/* A regular file, or a link to one. */
bool la_is_file(const char *path);

/* For scandir: all but what begins with a dot. */
int la_is_visible(const struct dirent *entry);

/* Whether a text ends so. */
bool la_ends_with(const char *text, const char *ending);

/* Whether a path, that need not be there, is a folder or lies in it. */
bool la_lies_in(const char *path, const char *folder);

/* A signal has asked for the end: SIGINT, SIGTERM or SIGHUP waits, blocked (see suite/sandbox.h). */
bool la_interrupted(void);

/* Whether a name is in a list of names, in whatever case. */
bool la_is_among(const char *name, const char *const *names, size_t count);
#define LA_IS_AMONG(name, names) la_is_among(name, names, sizeof(names) / sizeof *(names))

/* A path in which glob(3) finds nothing but itself, to be freed. */
char *la_glob_literal(const char *path);

/* Whole small file as a string, to be freed, and its length where `length` is given; NULL with `error` filled. */
char *la_read_file(const char *path, size_t max, size_t *length, struct la_error *error);

/* Writes to a file of /proc or of a control group, at once. Safe after fork. -1: errno. */
int la_tell_kernel(const char *path, const char *text);

/* Creates a directory and its missing parents. */
int la_make_dirs(const char *path, struct la_error *error);

/* Makes an output folder (--out): 1. Or takes one that is there, empty and writable: 0. -1 with `error` filled. */
int la_new_folder(const char *path, struct la_error *error);

/* Empties an output folder that la_new_folder gave, when nothing came of the run. */
void la_empty_folder(const char *path);

/* Replaces every byte that is not printable ASCII by `?`: what servers say need not be text. */
void la_printable(char *text);

/* malloc and friends that end the program when memory is out. */
void *la_alloc(size_t count, size_t size);
void *la_realloc(void *memory, size_t count, size_t size); /* what is added is not zeroed */
char *la_strdup(const char *text);
__attribute__((format(printf, 1, 2))) char *la_format(const char *format, ...);

/* Writes a number and the character behind it; where the next one goes. For where snprintf is too slow. */
char *la_put_number(char *at, uint64_t number, char behind);
/* The same with so many digits: zeros in front, and what has no room is left out. */
char *la_put_digits(char *at, uint64_t number, int digits, char behind);

/* A step of splitmix64: deterministic pseudo-random numbers from a seed. */
static inline uint64_t la_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A list of strings that owns them. */
struct la_strings {
    char **items;
    size_t count;
};
void la_strings_add(struct la_strings *list, char *owned);
void la_strings_add_once(struct la_strings *list, const char *text); /* a copy, where the list has none */
void la_strings_free(struct la_strings *list);

#endif
