#include "base/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { DEPTH_MAX = 32, PIECE = 16 << 20 };

/* One copying, or measuring, from its beginning to its end. */
struct copying {
    const char *what; /* how the user calls it; NULL: it is our own, and may share its blocks */
    bool measure;     /* nothing is written */
    struct la_extent extent;
    struct {
        dev_t device;
        ino_t inode;
    } above[DEPTH_MAX + LA_PATH_MAX / 2]; /* folders that we are in: a link to one of them would never end */
    size_t depth;
    size_t base; /* depth of the folder that is copied */
    struct la_error *error;
};

static const char *label(const struct copying *copying)
{
    return copying->what ? copying->what : "copy";
}

static int failed(const struct copying *copying, const char *path, const char *why)
{
    return la_fail(copying->error, "%s: %s: %s", label(copying), path, why);
}

/* The file, if it is one: opening a FIFO would wait for somebody who writes. */
static int open_regular(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    close(fd);
    errno = S_ISDIR(st->st_mode) ? EISDIR : ENODEV;
    return -1;
}

/* From where `in` and `out` stand. */
static bool send_part(int in, int out, off_t size)
{
    ssize_t sent = 1;
    for (off_t left = size; left > 0 && sent > 0; left -= sent) {
        if (la_interrupted()) {
            errno = EINTR;
            return false;
        }
        sent = sendfile(out, in, NULL, left < PIECE ? (size_t)left : (size_t)PIECE);
    }
    if (sent == 0)
        errno = ESTALE; /* it has become shorter meanwhile */
    return sent > 0;
}

/* What the file holds; holes stay holes. */
static bool send_all(int in, int out, off_t size)
{
    off_t at = 0;
    for (off_t end; at < size && (at = lseek(in, at, SEEK_DATA)) >= 0; at = end) {
        end = lseek(in, at, SEEK_HOLE);
        if (end < 0 || lseek(in, at, SEEK_SET) < 0 || lseek(out, at, SEEK_SET) < 0 || !send_part(in, out, end - at))
            return false;
    }
    return (at >= 0 || errno == ENXIO) && ftruncate(out, size) == 0; /* no data behind here */
}

/* `share`: blocks may be shared until one of the two is written to. */
static int copy_file(const char *from, const char *to, bool share, struct la_error *error)
{
    struct stat st;
    int in = open_regular(from, &st);
    if (in < 0)
        return la_fail(error, "%s: %s", from, errno == ENODEV ? "not a regular file" : strerror(errno));
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, st.st_mode & 0777);
    bool ok = out >= 0 && ((share && ioctl(out, FICLONE, in) == 0) || send_all(in, out, st.st_size));
    if (ok && geteuid() == 0 && fchown(out, st.st_uid, st.st_gid))
        errno = 0; /* a file system without owners */
    if (ok)        /* which of several is the newest stays to be seen */
        (void)futimens(out, (const struct timespec[]){st.st_atim, st.st_mtim});
    if (out >= 0 && close(out) && ok)
        ok = false;
    int saved = errno;
    close(in);
    errno = saved;
    const char *why = errno == EINTR ? "interrupted" : errno == ESTALE ? "it changes meanwhile" : strerror(errno);
    return ok ? 0 : la_fail(error, "cannot copy %s to %s: %s", from, to, why);
}

int la_copy_file(const char *from, const char *to, struct la_error *error)
{
    return copy_file(from, to, false, error);
}

static int copy_entry(struct copying *copying, const char *from, const char *to);

static int copy_content(struct copying *copying, const char *from, const char *to)
{
    DIR *dir = opendir(from);
    if (!dir)
        return failed(copying, from, strerror(errno));
    int result = 0;
    for (struct dirent *entry; !result && (entry = readdir(dir));) {
        char source[LA_PATH_MAX];
        char target[LA_PATH_MAX];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        la_path(source, "%s/%s", from, entry->d_name);
        la_path(target, "%s/%s", to, entry->d_name);
        result = copy_entry(copying, source, target);
    }
    closedir(dir);
    return result;
}

static bool is_above(const struct copying *copying, const struct stat *st)
{
    for (size_t i = 0; i < copying->depth; i++)
        if (copying->above[i].device == st->st_dev && copying->above[i].inode == st->st_ino)
            return true;
    return false;
}

static void go_below(struct copying *copying, const struct stat *st)
{
    copying->above[copying->depth].device = st->st_dev;
    copying->above[copying->depth++].inode = st->st_ino;
}

static int copy_folder(struct copying *copying, const char *from, const char *to, const struct stat *st)
{
    if (is_above(copying, st))
        return failed(copying, from, "leads back to a folder that it stands in, or to the report");
    if (copying->depth - copying->base == DEPTH_MAX)
        return failed(copying, from, "folders are nested too deeply");
    if (!copying->measure && mkdir(to, (st->st_mode & 0777) | 0700))
        return failed(copying, to, strerror(errno));
    if (!copying->measure && geteuid() == 0 && chown(to, st->st_uid, st->st_gid))
        errno = 0; /* a file system without owners */
    go_below(copying, st);
    int result = copy_content(copying, from, to);
    copying->depth--;
    return result;
}

static int copy_entry(struct copying *copying, const char *from, const char *to)
{
    struct stat st;
    if (la_interrupted())
        return la_fail(copying->error, "interrupted");
    if (stat(from, &st))
        return failed(copying, from, errno == ENOENT ? "a link to nothing" : strerror(errno));
    if (copying->what && ++copying->extent.files > LA_GIVEN_MAX)
        return failed(copying, from, "more than 100000 files: no data directory of a server");
    if (S_ISDIR(st.st_mode))
        return copy_folder(copying, from, to, &st);
    if (S_ISSOCK(st.st_mode))
        return 0;
    if (!S_ISREG(st.st_mode))
        return failed(copying, from, S_ISFIFO(st.st_mode) ? "a FIFO is no data" : "a device is no data");
    copying->extent.bytes += (uint64_t)st.st_size;
    if (copying->measure)
        return access(from, R_OK) ? failed(copying, from, strerror(errno)) : 0;
    return copy_file(from, to, !copying->what, copying->error);
}

/* The folders that `from` stands in are above it, too. */
static int begin(struct copying *copying, const char *from)
{
    char real[PATH_MAX];
    struct stat st;
    struct stat root;
    struct statfs fs;
    if (!*from)
        return la_fail(copying->error, "%s: the name of a folder is empty (a variable that is not set?)",
                       label(copying));
    if (!realpath(from, real) || stat(real, &st) || statfs(real, &fs))
        return failed(copying, from, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return failed(copying, from, "not a folder: name the one that holds it");
    if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC)
        return failed(copying, from, "what lies there are no files");
    if (!stat("/", &root))
        go_below(copying, &root);
    for (char *slash = real; (slash = strchr(slash + 1, '/')); *slash = '/') {
        struct stat above;
        *slash = '\0';
        if (stat(real, &above))
            return failed(copying, real, strerror(errno));
        go_below(copying, &above);
    }
    go_below(copying, &st);
    copying->base = copying->depth;
    return 0;
}

/* Where it is copied to, or with `measure` `avoid`, must not lie below what is copied. */
static int copy(const char *what, const char *avoid, const char *from, const char *to, struct la_extent *extent,
                struct la_error *error)
{
    struct stat st;
    bool measure = avoid != NULL;
    struct copying *copying = la_alloc(1, sizeof *copying);
    copying->what = what;
    copying->measure = measure;
    copying->error = error;
    if (stat(measure ? avoid : to, &st) == 0)
        go_below(copying, &st);
    int result = begin(copying, from) || copy_content(copying, from, to) ? -1 : 0;
    if (extent)
        *extent = copying->extent;
    free(copying);
    return result;
}

int la_copy_tree(const char *from, const char *to, struct la_error *error)
{
    return copy(NULL, NULL, from, to, NULL, error);
}

int la_copy_given(const char *what, const char *from, const char *to, struct la_error *error)
{
    return copy(what, NULL, from, to, NULL, error);
}

int la_measure_given(const char *what, const char *from, const char *avoid, struct la_extent *extent,
                     struct la_error *error)
{
    return copy(what, avoid, from, "", extent, error);
}

int la_check_own(const char *folder, struct la_error *error)
{
    char *const roots[] = {(char *)folder, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int result = tree ? 0 : la_fail(error, "%s: %s", folder, strerror(errno));
    dev_t device = 0;
    for (FTSENT *entry; !result && (entry = fts_read(tree));) {
        const struct stat *st = entry->fts_statp;
        if (entry->fts_level == 0)
            device = st->st_dev;
        bool leads_out = entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE || st->st_dev != device ||
                         (S_ISREG(st->st_mode) && st->st_nlink > 1);
        if (leads_out)
            result = la_fail(error, "%s is not the run's own: a link, or a file with a second name", entry->fts_path);
    }
    if (tree)
        fts_close(tree);
    return result;
}

bool la_can_share(const char *folder)
{
    char one[LA_PATH_MAX];
    char other[LA_PATH_MAX];
    la_path(one, "%s/.share-1", folder);
    la_path(other, "%s/.share-2", folder);
    int from = open(one, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int to = open(other, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool can = from >= 0 && to >= 0 && write(from, "x", 1) == 1 && ioctl(to, FICLONE, from) == 0;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    unlink(one);
    unlink(other);
    return can;
}
