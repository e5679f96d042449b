#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int la_fail(struct la_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return -1;
}

uint64_t la_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int64_t la_wall_offset_ns(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - (int64_t)la_now_ns();
}

void la_sleep_ms(unsigned int ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

int la_duration_ms(const char *text, unsigned int *ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end = NULL;
    size_t digits = strspn(text, "0123456789.");
    double value = digits ? strtod(text, &end) : -1;
    for (size_t i = 0; end && end == text + digits && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) != 0 || value * units[i].ms > 1e9)
            continue;
        *ms = (unsigned int)(value * units[i].ms + 0.5);
        return 0;
    }
    return -1;
}

uint64_t la_oom_kills(void)
{
    char line[128];
    unsigned long long kills = 0;
    FILE *file = fopen("/proc/vmstat", "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "oom_kill %llu", &kills) != 1)
        ;
    if (file)
        fclose(file);
    return kills;
}

void la_path(char out[LA_PATH_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(out, LA_PATH_MAX, format, args);
    va_end(args);
    if (length >= 0 && length < LA_PATH_MAX)
        return;
    fprintf(stderr, "lastack: path too long: %.100s...\n", out);
    exit(LA_EXIT_USAGE);
}

int la_ascending(const void *one, const void *other)
{
    const double *a = one;
    const double *b = other;
    return *a < *b ? -1 : *a > *b;
}

int la_tell_kernel(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    return written < 0 ? -1 : 0;
}

void la_path_from(char out[LA_PATH_MAX], const char *folder, const char *name)
{
    char from[LA_PATH_MAX];
    la_path(from, "%s", folder);
    if (*name == '/')
        la_path(out, "%s", name);
    else
        la_path(out, "%s/%s", from, name);
}

bool la_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int la_is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool la_ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text);
    size_t size = strlen(ending);
    return length >= size && !strcmp(text + length - size, ending);
}

bool la_same_file(const char *one, const char *other)
{
    struct stat st;
    struct stat other_st;
    return one && other && stat(one, &st) == 0 && stat(other, &other_st) == 0 && st.st_dev == other_st.st_dev &&
           st.st_ino == other_st.st_ino;
}

bool la_lies_in(const char *path, const char *folder)
{
    char at[LA_PATH_MAX];
    struct stat st;
    struct stat other;
    if (stat(folder, &other))
        return false;
    la_path(at, "%s", path);
    for (int levels = 0; levels < LA_PATH_MAX; levels++) {
        bool there = stat(at, &st) == 0;
        if (there && st.st_dev == other.st_dev && st.st_ino == other.st_ino)
            return true;
        char above[LA_PATH_MAX];
        if (there && !strcmp(at, "/"))
            return false;
        char *real = there ? realpath(at, NULL) : NULL; /* upwards from where it really lies */
        la_path(above, "%s", real ? real : at);
        bool root = real && !strcmp(real, "/");
        free(real);
        if (root)
            return false;
        la_path(at, "%s", dirname(above));
    }
    return false;
}

bool la_interrupted(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) || sigismember(&pending, SIGHUP);
}

char *la_glob_literal(const char *path)
{
    char *literal = la_alloc(2 * strlen(path) + 1, 1);
    for (char *at = literal; *path; *at++ = *path++)
        if (strchr("*?[]\\", *path))
            *at++ = '\\';
    return literal;
}

char *la_read_file(const char *path, size_t max, size_t *length, struct la_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for somebody who writes */
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        la_fail(error, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
        close(fd);
        if (S_ISREG(st.st_mode))
            la_fail(error, "%s: %llu bytes, at most %llu are read", path, (unsigned long long)st.st_size,
                    (unsigned long long)max);
        else
            la_fail(error, "%s: not a regular file", path);
        return NULL;
    }
    char *text = la_alloc((size_t)st.st_size + 1, 1);
    size_t used = 0;
    for (ssize_t got; used < (size_t)st.st_size && (got = read(fd, text + used, (size_t)st.st_size - used)) > 0;)
        used += (size_t)got;
    close(fd);
    if (length)
        *length = used;
    return text;
}

int la_make_dirs(const char *path, struct la_error *error)
{
    char copy[LA_PATH_MAX];
    la_path(copy, "%s", path);
    for (char *slash = copy; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0755) && errno != EEXIST)
            return la_fail(error, "%s: %s", copy, strerror(errno));
        if (slash)
            *slash = '/';
    }
    return 0;
}

int la_new_folder(const char *out, struct la_error *error)
{
    if (!*out)
        return la_fail(error, "--out: the name is empty (a variable that is not set?)");
    DIR *dir = opendir(out);
    if (!dir && errno != ENOENT)
        return la_fail(error, "--out %s: %s", out, strerror(errno));
    if (!dir)
        return la_make_dirs(out, error) ? -1 : 1;
    int entries = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    if (entries)
        return la_fail(error, "--out %s: the folder is not empty; name a new one", out);
    if (access(out, W_OK))
        return la_fail(error, "--out %s: %s", out, strerror(errno));
    return 0;
}

static void *checked(void *memory)
{
    if (memory)
        return memory;
    fputs("lastack: out of memory\n", stderr);
    exit(LA_EXIT_USAGE);
}

void *la_alloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size));
}

void *la_realloc(void *memory, size_t count, size_t size)
{
    return checked(reallocarray(memory, count, size));
}

char *la_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(la_alloc(size, 1), text, size);
}

char *la_format(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = la_strdup("");
    va_end(args);
    return text;
}

char *la_put_digits(char *at, uint64_t number, int digits, char behind)
{
    at[digits] = behind;
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + digits + 1;
}

char *la_put_number(char *at, uint64_t number, char behind)
{
    int digits = 1;
    for (uint64_t limit = 10; digits < 19 && number >= limit; limit *= 10)
        digits++;
    digits += number >= UINT64_C(10000000000000000000);
    return la_put_digits(at, number, digits, behind);
}

void la_strings_add(struct la_strings *list, char *owned)
{
    list->items = la_realloc(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = owned;
}

void la_strings_add_once(struct la_strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], text))
            return;
    la_strings_add(list, la_strdup(text));
}

void la_strings_free(struct la_strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct la_strings){0};
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st;
    (void)type;
    return place->level > 0 ? remove(path) : 0;
}

void la_empty_folder(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

bool la_is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    return false;
}

void la_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}
