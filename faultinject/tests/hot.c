/*
 * hot COUNT [filter]: nanoseconds of one write(2) to /dev/null, the median of ten rounds. Started in a watched
 * directory. With `filter`: under a system-call filter that does nothing, the least that any filter costs.
 */
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 10 };

static double round_of(int fd, long count)
{
    struct timespec from;
    struct timespec to;
    char byte = 'x';
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long i = 0; i < count; i++)
        if (write(fd, &byte, 1) != 1)
            exit(1);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)count;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool load_filter(void)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    /* one rule that never matches a write here: the argument has to be looked at */
    return context && !seccomp_rule_add(context, SCMP_ACT_TRAP, SCMP_SYS(write), 1, SCMP_A5(SCMP_CMP_EQ, 1)) &&
           !seccomp_load(context);
}

int main(int argc, char **argv)
{
    double rounds[ROUNDS];
    long count = argc > 1 ? strtol(argv[1], NULL, 10) / ROUNDS : 100000;
    if (argc > 2 && !strcmp(argv[2], "filter") && !load_filter())
        return 1;
    int fd = open("/dev/null", O_WRONLY);
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = round_of(fd, count);
    qsort(rounds, ROUNDS, sizeof *rounds, by_size);
    printf("%.2f\n", (rounds[ROUNDS / 2 - 1] + rounds[ROUNDS / 2]) / 2);
    return 0;
}
