/*
 * Streams. What stdio writes, and what it opens for writing, traps. What it reads
 * cannot be trapped: a file of the data directory that is opened for reading alone
 * gets a stream whose reads go through the library.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "shim/open.h"
#include "shim/read.h"
#include "shim/real.h"
#include "shim/resolve.h"
#include "shim/state.h"
#include "shim/trap_start.h"
#include "shim/wrap.h"

enum { STREAMS_MAX = 256 };

/* Our streams have no descriptor that libc knows of; fileno looks here. */
static struct {
    FILE *_Atomic stream;
    _Atomic int fd;
} streams[STREAMS_MAX];

static int find_stream(const FILE *stream)
{
    for (int i = 0; i < STREAMS_MAX; i++)
        if (atomic_load(&streams[i].stream) == stream)
            return i;
    return -1;
}

static ssize_t stream_read(void *cookie, char *data, size_t size)
{
    return fi_result(fi_read(SYS_read, (long)cookie, (long)data, (long)size, 0));
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
    long at = FI_OWN(SYS_lseek, (long)cookie, *offset, whence);
    if (at < 0)
        return (int)fi_result(at);
    *offset = at;
    return 0;
}

static int stream_close(void *cookie)
{
    return close((int)(long)cookie);
}

static FILE *reading_stream(const char *path, const char *mode)
{
    int slot = find_stream(NULL);
    if (slot < 0)
        return fi_real()->fopen(path, mode);
    int cloexec = strchr(mode, 'e') ? O_CLOEXEC : 0;
    long fd = fi_result(fi_open(AT_FDCWD, path, O_RDONLY | cloexec, 0));
    if (fd < 0)
        return NULL;
    cookie_io_functions_t functions = {stream_read, NULL, stream_seek, stream_close};
    FILE *stream = fopencookie((void *)fd, "r", functions);
    if (!stream) {
        close((int)fd);
        return NULL;
    }
    FILE *nobody = NULL;
    while (!atomic_compare_exchange_strong(&streams[slot].stream, &nobody, stream)) {
        nobody = NULL;
        slot = (slot + 1) % STREAMS_MAX;
    }
    atomic_store(&streams[slot].fd, (int)fd);
    return stream;
}

FI_EXPORT FILE *fopen(const char *path, const char *mode)
{
    char below[FI_PATH_MAX];
    if (!fi_shim.control || !path || !mode || !fi_resolve_path(AT_FDCWD, path, below))
        return fi_real()->fopen(path, mode);
    if (mode[0] == 'r' && !strchr(mode, '+') && !FI_FOREIGN(fopen))
        return reading_stream(path, mode);
    fi_trap_start();
    return fi_real()->fopen(path, mode);
}

FI_EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return FI_FOREIGN(fopen64) ? fi_real()->fopen64(path, mode) : fopen(path, mode);
}

FI_EXPORT int fileno(FILE *stream)
{
    int slot = find_stream(stream);
    return slot < 0 ? fi_real()->fileno(stream) : atomic_load(&streams[slot].fd);
}

FI_EXPORT int fileno_unlocked(FILE *stream)
{
    return fileno(stream);
}

/* libc closes the descriptor itself; what the stream still writes on its way is looked up afresh. */
FI_EXPORT int fclose(FILE *stream)
{
    int slot = find_stream(stream);
    if (slot >= 0) {
        atomic_store(&streams[slot].stream, NULL);
        return fi_real()->fclose(stream);
    }
    int fd = fi_real()->fileno(stream);
    fi_fd_set(fd, FI_FD_UNKNOWN);
    int result = fi_real()->fclose(stream);
    fi_fd_set(fd, FI_FD_UNKNOWN);
    return result;
}

static FILE *reopen(const char *path, const char *mode, FILE *stream)
{
    int slot = find_stream(stream);
    if (slot >= 0)
        atomic_store(&streams[slot].stream, NULL);
    fi_trap_start_for(AT_FDCWD, path);
    fi_fd_set(fi_real()->fileno(stream), FI_FD_UNKNOWN);
    FILE *result = fi_real()->freopen(path, mode, stream);
    if (result)
        fi_fd_set(fi_real()->fileno(result), FI_FD_UNKNOWN);
    return result;
}

FI_EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
    return reopen(path, mode, stream);
}

FI_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
    return reopen(path, mode, stream);
}
