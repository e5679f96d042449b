#include "base/thin.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

enum { PIECE = 1 << 16 }; /* a multiple of any block's size */

static bool is_zero(const char *bytes, size_t length)
{
    return length == 0 || (!bytes[0] && !memcmp(bytes, bytes + 1, length - 1));
}

void la_thin(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    char *piece = la_alloc(PIECE, 1);
    off_t at = 0;
    for (ssize_t got; (got = pread(fd, piece, PIECE, at)) > 0; at += got)
        if (is_zero(piece, (size_t)got) && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, (off_t)got))
            break;
    free(piece);
    close(fd);
}
