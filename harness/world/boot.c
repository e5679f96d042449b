#include "world/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

/* Device files that every program may expect. */
static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

static bool bind_read_only(const char *from, const char *to)
{
    struct mount_attr shut = {.attr_set = MOUNT_ATTR_RDONLY};
    return mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0 &&
           mount_setattr(AT_FDCWD, to, AT_RECURSIVE, &shut, sizeof shut) == 0;
}

/* A folder of the host's that holds programs: a link where it is one there. One that is not there is not missed. */
static bool show_folder(const char *host, const char *name)
{
    char target[LA_PATH_MAX];
    ssize_t length = readlink(host, target, sizeof target - 1);
    if (length > 0) {
        target[length] = '\0';
        return symlink(target, name) == 0 || errno == EEXIST;
    }
    struct stat st;
    if (stat(host, &st) || !S_ISDIR(st.st_mode))
        return true;
    return (mkdir(name, 0755) == 0 || errno == EEXIST) && bind_read_only(host, name);
}

/* What makes units of the host's disks, terminals and scripts, at each boot and each reload: there are none of them
 * here. */
static bool hide_generators(void)
{
    static const char generators[] = "usr/lib/systemd/system-generators";
    return access(generators, F_OK) || mount("no-generators", generators, NULL, MS_BIND, NULL) == 0;
}

static bool show_programs(void)
{
    static const char *const folders[] = {"/bin",   "/sbin",   "/lib", "/lib32",
                                          "/lib64", "/libx32", "/opt", "/etc/alternatives"};
    bool shown = bind_read_only("/usr", "usr") && mount("units", "usr/lib/systemd/system", NULL, MS_BIND, NULL) == 0 &&
                 hide_generators();
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        shown = shown && show_folder(folders[i], folders[i] + 1);
    return shown;
}

static bool make_devices(void)
{
    bool made = mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755") == 0;
    for (size_t i = 0; made && i < sizeof devices / sizeof *devices; i++) {
        char host[64];
        snprintf(host, sizeof host, "/dev/%s", devices[i]);
        int file = open(host + 1, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        made = file >= 0 && mount(host, host + 1, NULL, MS_BIND, NULL) == 0;
        if (file >= 0)
            close(file);
    }
    return made && mkdir("dev/shm", 01777) == 0 && mkdir("dev/pts", 0755) == 0 &&
           mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0 &&
           mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666") == 0 &&
           symlink("pts/ptmx", "dev/ptmx") == 0 && symlink("/proc/self/fd", "dev/fd") == 0;
}

static bool make_places(void)
{
    /* systemd mounts what of this is missing, which it may not be allowed to */
    return mount("tmpfs", "run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0 && mkdir("run/lock", 0755) == 0 &&
           mount("tmpfs", "run/lock", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0 &&
           mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0 && chmod("var/tmp", 01777) == 0 &&
           mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

/* The kernel's settings are everybody's. */
static bool shut_settings(void)
{
    static const char *const names[] = {"proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus", "proc/fs"};
    bool shut = true;
    for (size_t i = 0; shut && i < sizeof names / sizeof *names; i++)
        shut = access(names[i], F_OK) || bind_read_only(names[i], names[i]);
    return shut;
}

static bool show_kernel(void)
{
    return shut_settings() && unshare(CLONE_NEWCGROUP) == 0 &&
           mount("sysfs", "sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 &&
           mount("cgroup2", "sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

void la_world_confine(bool confined)
{
    static const unsigned long never[] = {CAP_SYS_TIME,      CAP_SYS_MODULE,      CAP_SYS_RAWIO,         CAP_SYS_BOOT,
                                          CAP_MKNOD,         CAP_SYSLOG,          CAP_WAKE_ALARM,        CAP_SYS_PACCT,
                                          CAP_BLOCK_SUSPEND, CAP_MAC_ADMIN,       CAP_MAC_OVERRIDE,      CAP_BPF,
                                          CAP_PERFMON,       CAP_DAC_READ_SEARCH, CAP_LINUX_IMMUTABLE,   CAP_AUDIT_READ,
                                          CAP_AUDIT_CONTROL, CAP_AUDIT_WRITE,     CAP_CHECKPOINT_RESTORE};
    static const unsigned long set_up[] = {CAP_SYS_ADMIN,  CAP_NET_ADMIN, CAP_NET_RAW,  CAP_SYS_PTRACE,
                                           CAP_SYS_CHROOT, CAP_IPC_LOCK,  CAP_IPC_OWNER};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        (void)prctl(PR_CAPBSET_DROP, never[i], 0, 0, 0); /* one that this kernel does not know cannot be had either */
    for (size_t i = 0; confined && i < sizeof set_up / sizeof *set_up; i++)
        (void)prctl(PR_CAPBSET_DROP, set_up[i], 0, 0, 0);
}

const char *la_world_enter(const char *root)
{
    static const char name[] = "lastack";
    umask(022);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(root, root, NULL, MS_BIND | MS_REC, NULL) ||
        chdir(root))
        return "its root";
    if (!show_programs())
        return "the host's programs";
    if (!make_devices())
        return "its devices";
    if (!make_places())
        return "/run, /tmp and /proc";
    if (!show_kernel())
        return "/sys and its cgroup";
    if (syscall(SYS_pivot_root, ".", "old") || chdir("/") || umount2("/old", MNT_DETACH) || rmdir("/old"))
        return "its root instead of the host's";
    return sethostname(name, sizeof name - 1) ? "its name" : NULL;
}
