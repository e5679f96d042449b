/*
 * A program under injection: performs the operations that its arguments name, in
 * order, in the current directory, and prints each result as `name=value` or
 * `name=-1:ERRNO`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char data[] = "0123456789";
static int fd = -1;
static int near_end = -1; /* of a TCP connection to ourselves */
static int far_end = -1;
static struct sockaddr_in listening;

static long do_open(void)
{
    return (fd = open("file", O_CREAT | O_RDWR | O_APPEND, 0600)) < 0 ? -1 : 0;
}

static long do_open_plain(void)
{
    return (fd = open("file", O_CREAT | O_RDWR, 0600)) < 0 ? -1 : 0;
}

static long do_open_synced(void)
{
    return (fd = open("file", O_CREAT | O_RDWR | O_DSYNC, 0600)) < 0 ? -1 : 0;
}

static long do_open_raw(void)
{
    return (fd = (int)syscall(SYS_openat, AT_FDCWD, "file", O_CREAT | O_RDWR | O_TRUNC, 0600)) < 0 ? -1 : 0;
}

static long do_open_openat2(void)
{
    struct {
        unsigned long flags, mode, resolve;
    } how = {O_CREAT | O_RDWR, 0600, 0};
    return (fd = (int)syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof how)) < 0 ? -1 : 0;
}

static long do_write(void)
{
    return write(fd, data, 10);
}

static long do_write_pages(void)
{
    static char pages[8192];
    memset(pages, '7', sizeof pages);
    return write(fd, pages, sizeof pages);
}

static long do_raw_write(void)
{
    return syscall(SYS_write, fd, data, 10);
}

static long do_overwrite(void)
{
    return pwrite(fd, "abcd", 4, 2);
}

static long do_gather(void)
{
    struct iovec iov[3] = {{(void *)data, 4}, {(void *)data, 4}, {(void *)data, 2}};
    return writev(fd, iov, 3);
}

/* A whole stdio life: what glibc writes itself, without a wrapper ever being called. */
static long do_stream(void)
{
    FILE *file = fopen("stream", "w");
    if (!file)
        return -1;
    long put = (long)fwrite(data, 1, 10, file);
    int flushed = fflush(file);
    fclose(file);
    return flushed ? -1 : put;
}

static long said_number(const char *bytes, long count)
{
    char text[16] = "";
    if (count > 0)
        memcpy(text, bytes, count < 9 ? (size_t)count : 9);
    return count < 0 ? -1 : count == 0 ? 0 : strtol(text, NULL, 10);
}

/* What is read is printed as a number, so that a flipped bit shows. */
static long do_read(void)
{
    char buffer[16];
    return said_number(buffer, pread(fd, buffer, 9, 0));
}

static long do_read_stream(void)
{
    char buffer[16] = "";
    FILE *file = fopen("file", "r");
    if (!file)
        return -1;
    long got = (long)fread(buffer, 1, 9, file);
    int failed = ferror(file) ? errno : 0;
    struct stat st;
    long size = fstat(fileno(file), &st) ? -1 : (long)st.st_size; /* fileno must name the file */
    fclose(file);
    errno = failed;
    return failed || size < got ? -1 : said_number(buffer, got);
}

static long do_fsync(void)
{
    return fsync(fd);
}

static long do_fdatasync(void)
{
    return fdatasync(fd);
}

static long do_fsync_dir(void)
{
    int dir = open(".", O_RDONLY | O_DIRECTORY);
    long result = fsync(dir);
    close(dir);
    return result;
}

static long do_sync(void)
{
    sync();
    return 0;
}

static long do_sync_range(void)
{
    return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static long do_truncate(void)
{
    return ftruncate(fd, 0);
}

static long do_rename(void)
{
    return rename("file", "renamed");
}

static long do_rename_over(void)
{
    return rename("stream", "file");
}

static long do_rename_out(void)
{
    return rename("file", "../gone");
}

static long do_unlink(void)
{
    return unlink("file");
}

static long do_mkdir(void)
{
    return mkdir("sub", 0700);
}

static long do_link(void)
{
    return link("file", "linked");
}

static long do_symlink(void)
{
    return symlink("somewhere", "symlinked");
}

static long do_close(void)
{
    return close(fd);
}

static long do_size(void)
{
    struct stat st;
    return fstat(fd, &st) ? -1 : (long)st.st_size;
}

/* Free bytes as the file system tells them, at most 99999. */
static long do_room(void)
{
    struct statvfs fs;
    if (fstatvfs(fd, &fs))
        return -1;
    unsigned long room = fs.f_bavail * fs.f_frsize;
    return room > 99999 ? 99999 : (long)room;
}

static long do_mmap(void)
{
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -1;
    map[0] = 'X';
    return munmap(map, 4096);
}

static long do_io_uring(void)
{
    struct io_uring_params params = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
    if (ring >= 0)
        close(ring);
    return 0; /* some kernels forbid it: that it was asked for is what counts */
}

static long do_punch(void)
{
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4);
}

static long do_fork(void)
{
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        char name[32];
        snprintf(name, sizeof name, "temp-%d.rdb", (int)getpid());
        int file = open(name, O_CREAT | O_WRONLY, 0600);
        _exit(file >= 0 && write(file, data, 10) == 10 ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A helper that is exec'd must survive the inherited filter. */
static long do_helper(void)
{
    return system("echo data > helped");
}

static long do_outside(void)
{
    int file = open("../outside", O_CREAT | O_WRONLY, 0600);
    long result = write(file, data, 10);
    close(file);
    return result;
}

static long do_pipe(void)
{
    int ends[2];
    if (pipe(ends))
        return -1;
    long result = write(ends[1], data, 10);
    close(ends[0]);
    close(ends[1]);
    return result;
}

static void *fsync_meanwhile(void *nothing)
{
    fsync(fd);
    return nothing;
}

static long now_ms(bool machine)
{
    struct timespec now;
    if (machine)
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    else
        clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static long do_thread(void)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, fsync_meanwhile, NULL);
    return errno ? -1 : pthread_join(thread, NULL);
}

/* 1: while another thread was in an fsync, a write to the same file stood still for 100 ms and more. */
static long do_fsync_beside(void)
{
    enum { TRIES = 20000, STANDSTILL_MS = 100 };
    pthread_t thread;
    long longest = 0;
    pthread_create(&thread, NULL, fsync_meanwhile, NULL);
    for (int i = 0; i < TRIES && longest < STANDSTILL_MS; i++) {
        struct timespec moment = {0, 1000000};
        long before = now_ms(true);
        if (write(fd, data, 10) != 10)
            return -1;
        long took = now_ms(true) - before;
        longest = took > longest ? took : longest;
        nanosleep(&moment, NULL);
    }
    pthread_join(thread, NULL);
    return longest >= STANDSTILL_MS;
}

/* Two thousand appends at most: how many there are decides how long their history takes to judge. */
static void *append_meanwhile(void *enough)
{
    enum { APPENDS = 2000 };
    struct timespec moment = {0, 10000};
    for (int i = 0; i < APPENDS && !atomic_load((_Atomic int *)enough); i++) {
        if (write(fd, data, 10) != 10)
            return enough;
        nanosleep(&moment, NULL);
    }
    return NULL;
}

/* How many of 200 fsyncs failed, while another thread was appending. */
static long do_fsync_storm(void)
{
    enum { FSYNCS = 200 };
    _Atomic int enough = 0;
    pthread_t thread;
    void *failed = NULL;
    long count = 0;
    pthread_create(&thread, NULL, append_meanwhile, &enough);
    for (int i = 0; i < FSYNCS; i++) {
        struct timespec moment = {0, 100000};
        count += fsync(fd) != 0;
        nanosleep(&moment, NULL);
    }
    atomic_store(&enough, 1);
    pthread_join(thread, &failed);
    return failed ? -1 : count;
}

/* ---- what could switch the trap off, or mislead what is known of a descriptor ---- */

static void fsync_on_signal(int number)
{
    (void)number;
    fsync(fd);
}

/* A handler that blocks everything, and every signal set back to its default. */
static long do_signals(void)
{
    struct sigaction action = {.sa_handler = fsync_on_signal};
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    return fsync(fd);
}

/* O_APPEND comes after the open. */
static long do_append_mode(void)
{
    return lseek(fd, 0, SEEK_SET) || fcntl(fd, F_SETFL, O_APPEND);
}

/* The number is closed without close, and becomes a pipe. */
static long do_close_range(void)
{
    int ends[2];
    if (close_range((unsigned int)fd, (unsigned int)fd, 0) || pipe(ends))
        return -1;
    return write(ends[1], data, 10);
}

/* ---- sockets ---- */

static long do_connect(void)
{
    int server = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof listening;
    listening = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(29100)};
    /* the port stands in rules: what keeps two of us apart that run at once is the address */
    listening.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ((uint32_t)getpid() & 0xffff) * 256);
    int one = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(server, (struct sockaddr *)&listening, size) || listen(server, 1))
        return -2;
    near_end = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(near_end, (struct sockaddr *)&listening, size))
        return -1;
    far_end = accept(server, NULL, NULL);
    close(server);
    if (far_end < 0)
        return -1;
    fcntl(near_end, F_SETFL, O_NONBLOCK);
    return fcntl(far_end, F_SETFL, O_NONBLOCK);
}

static long do_send(void)
{
    return write(near_end, data, 10);
}

static long do_recv(void)
{
    char buffer[16];
    return read(far_end, buffer, sizeof buffer);
}

/* ---- time ---- */

/* Both clocks at one moment: looked at anew when something came between. */
static void both_now(long both[2])
{
    long before;
    do {
        before = now_ms(true);
        both[0] = now_ms(false);
        both[1] = now_ms(true);
    } while (both[1] - before > 1);
}

/* How many times as fast as the machine's the monotonic clock runs, in tenths. */
static long do_tick(void)
{
    struct timespec wait = {0, 200000000};
    long from[2];
    long to[2];
    both_now(from);
    syscall(SYS_nanosleep, &wait, NULL);
    both_now(to);
    return ((to[0] - from[0]) * 10 + (to[1] - from[1]) / 2) / (to[1] - from[1]);
}

/* 1: what was to take `ms` by the server's clock has taken as much, and a third of that at most by the machine's. */
static long compressed(long ms, const long from[2])
{
    long own = now_ms(false) - from[0];
    long machine = now_ms(true) - from[1];
    return own >= ms && machine < ms / 3;
}

static long do_sleep(void)
{
    long from[2] = {now_ms(false), now_ms(true)};
    struct timespec wait = {60, 0};
    nanosleep(&wait, NULL);
    return compressed(60000, from);
}

static long do_poll(void)
{
    long from[2] = {now_ms(false), now_ms(true)};
    struct epoll_event event;
    int poller = epoll_create1(0);
    epoll_wait(poller, &event, 1, 60000);
    close(poller);
    return compressed(60000, from);
}

static long do_select(void)
{
    long from[2] = {now_ms(false), now_ms(true)};
    struct timeval wait = {58, 2000000};
    return select(0, NULL, NULL, NULL, &wait) || wait.tv_sec || wait.tv_usec ? -1 : compressed(59999, from);
}

static long do_monotonic_wait(void)
{
    long from[2] = {now_ms(false), now_ms(true)};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_t attributes;
    pthread_cond_t cond;
    struct timespec due;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cond, &attributes);
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_sec += 60;
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&cond, &mutex, &due) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&mutex);
    return compressed(59999, from);
}

static long do_timed_wait(void)
{
    long from[2] = {now_ms(false), now_ms(true)};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec due;
    clock_gettime(CLOCK_REALTIME, &due);
    due.tv_sec += 60;
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&cond, &mutex, &due) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&mutex);
    return compressed(59999, from);
}

/* Hours between the wall clock and that of the machine. */
static long do_wall(void)
{
    struct timespec machine;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &machine);
    long apart = time(NULL) - machine.tv_sec;
    return (apart + (apart < 0 ? -1800 : 1800)) / 3600;
}

static const struct {
    const char *name;
    long (*perform)(void);
} operations[] = {
    {"open", do_open},
    {"openplain", do_open_plain},
    {"opensynced", do_open_synced},
    {"openraw", do_open_raw},
    {"openat2", do_open_openat2},
    {"write", do_write},
    {"writepages", do_write_pages},
    {"rawwrite", do_raw_write},
    {"overwrite", do_overwrite},
    {"writev", do_gather},
    {"stream", do_stream},
    {"read", do_read},
    {"readstream", do_read_stream},
    {"fsync", do_fsync},
    {"fdatasync", do_fdatasync},
    {"fsyncdir", do_fsync_dir},
    {"sync", do_sync},
    {"syncrange", do_sync_range},
    {"truncate", do_truncate},
    {"rename", do_rename},
    {"renameover", do_rename_over},
    {"renameout", do_rename_out},
    {"unlink", do_unlink},
    {"mkdir", do_mkdir},
    {"link", do_link},
    {"symlink", do_symlink},
    {"close", do_close},
    {"size", do_size},
    {"room", do_room},
    {"mmap", do_mmap},
    {"iouring", do_io_uring},
    {"punch", do_punch},
    {"fork", do_fork},
    {"helper", do_helper},
    {"outside", do_outside},
    {"pipe", do_pipe},
    {"thread", do_thread},
    {"fsyncstorm", do_fsync_storm},
    {"fsyncbeside", do_fsync_beside},
    {"signals", do_signals},
    {"appendmode", do_append_mode},
    {"closerange", do_close_range},
    {"connect", do_connect},
    {"send", do_send},
    {"recv", do_recv},
    {"sleep", do_sleep},
    {"tick", do_tick},
    {"poll", do_poll},
    {"timedwait", do_timed_wait},
    {"monowait", do_monotonic_wait},
    {"select", do_select},
    {"wall", do_wall},
};

static long perform(const char *what)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (!strcmp(what, operations[i].name))
            return operations[i].perform();
    exit(99);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 1; i < argc; i++) {
        errno = 0;
        long result = perform(argv[i]);
        printf("%s=%ld%s%s ", argv[i], result, result < 0 ? ":" : "", result < 0 ? strerrorname_np(errno) : "");
    }
    return 0;
}
