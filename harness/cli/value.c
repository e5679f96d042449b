#include "cli/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

long la_value_number(struct argp_state *state, const char *text, const char *what, long min, long max)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < min || value > max)
        argp_error(state, "%s: '%s' is not a whole number from %ld to %ld", what, text, min, max);
    return value;
}

void la_value_shard(struct argp_state *state, const char *text, unsigned int *number, unsigned int *of)
{
    int length = 0;
    bool digits = *text >= '0' && *text <= '9' && strlen(text) < 16;
    if (!digits || sscanf(text, "%u/%u%n", number, of, &length) != 2 || text[length] || *number < 1 || *number > *of ||
        *of > 1000)
        argp_error(state, "--shard: '%s' is not K/N, the K-th of N machines (at most 1000)", text);
}

int la_value_duration(struct argp_state *state, const char *text, const char *what)
{
    unsigned int ms = 0;
    if (la_duration_ms(text, &ms))
        argp_error(state, "%s: '%s' is no duration " LA_DURATIONS, what, text);
    return (int)ms;
}

char *la_value_path(char *value, const char *what)
{
    if (*value && strlen(value) <= LA_PATH_MAX / 2)
        return value;
    if (*value)
        fprintf(stderr, "lastack: %s: the path is longer than %d bytes\n", what, LA_PATH_MAX / 2);
    else
        fprintf(stderr, "lastack: %s: the name is empty (a variable that is not set?)\n", what);
    exit(LA_EXIT_USAGE);
}

uint64_t la_value_seed(struct argp_state *state, const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (*end || *text < '0' || *text > '9' || errno == ERANGE || value > INT64_MAX) /* as JSON can say it */
        argp_error(state, "--seed: '%s' is not a whole number from 0 to %lld", text, (long long)INT64_MAX);
    return value;
}

/* Of two runs in one second each gets a folder of its own: it is made here. True: it was. */
static bool default_out(char out[LA_PATH_MAX])
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
    la_path(out, "lastack-%s", stamp);
    bool made = mkdir(out, 0755) == 0;
    for (int other = 2; !made && errno == EEXIST && other < 1000; other++) {
        la_path(out, "lastack-%s-%d", stamp, other);
        made = mkdir(out, 0755) == 0;
    }
    return made;
}

bool la_value_out(char out[LA_PATH_MAX])
{
    char name[LA_PATH_MAX];
    bool made = !*out && default_out(out);
    char *here = getcwd(NULL, 0);
    la_path(name, "%s", out);
    la_path_from(out, here ? here : ".", name);
    free(here);
    return made;
}
