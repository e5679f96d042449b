#include "crash/power.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "driver/journal_file.h"

void la_power_find_means(struct la_means *means, const struct la_power_spec *spec, const char *forbidden,
                         const char *dir)
{
    struct la_error error;
    enum la_fs filesystem = spec->filesystem;
    if (spec->method == LA_POWER_SIMULATED || means->known[filesystem])
        return;
    means->known[filesystem] = true;
    if (forbidden || la_disk_try(filesystem, dir, &error))
        snprintf(means->no_disk[filesystem], sizeof means->no_disk[filesystem], "%.159s",
                 forbidden ? forbidden : error.text);
}

const char *la_power_missing(const struct la_power_spec *spec, const struct la_means *means)
{
    if (!la_filesystems[spec->filesystem].mkfs[0])
        return "it is a profile of the simulated cut only";
    const char *why = means->no_disk[spec->filesystem];
    return *why ? why : NULL;
}

int la_power_prepare(struct la_power *power, const struct la_power_spec *spec, const struct la_means *means,
                     const char *dir, char data[LA_PATH_MAX], struct la_error *error)
{
    *power = (struct la_power){.spec = spec};
    la_path(power->dir, "%s", dir);
    la_path(power->side, "%s/journal", dir);
    la_path(data, "%s/data", dir);
    if (!spec)
        return la_make_dirs(data, error);
    power->method = spec->method;
    if (power->method == LA_POWER_AUTO)
        power->method = la_power_missing(spec, means) ? LA_POWER_SIMULATED : LA_POWER_REAL;
    if (power->method == LA_POWER_SIMULATED)
        return la_make_dirs(data, error) || la_make_dirs(power->side, error) ? -1 : 0;
    if (la_make_dirs(dir, error) || la_disk_create(&power->disk, spec->filesystem, dir, means->disk_bytes, error))
        return -1;
    la_path(data, "%s/data", power->disk.mount);
    return la_make_dirs(data, error);
}

int la_power_begin(struct la_power *power, const char *data, struct la_error *error)
{
    if (power->method == LA_POWER_REAL)
        return la_disk_settle(&power->disk, error);
    if (power->method != LA_POWER_SIMULATED)
        return 0;
    fi_journal_close(power->journal);
    power->journal = fi_journal_create(power->side, data, error->text, sizeof error->text);
    return power->journal ? 0 : -1;
}

void la_power_announce(const struct la_power *power, struct fi_control *control)
{
    uint32_t method = power->method == LA_POWER_REAL        ? FI_CUT_REAL
                      : power->method == LA_POWER_SIMULATED ? FI_CUT_SIMULATED
                                                            : FI_CUT_NONE;
    atomic_store(&control->cut_method, method);
}

int la_power_cut(struct la_power *power, struct fi_control *control, struct la_error *error)
{
    uint64_t none = 0;
    power->out = true;
    /* the moment first: what is acknowledged before it has been made durable before the position is read */
    if (atomic_compare_exchange_strong(&control->cut_ns, &none, la_now_ns()) && power->journal)
        atomic_store(&control->cut_at, atomic_load(&power->journal->next));
    return power->method == LA_POWER_REAL ? la_disk_cut(&power->disk, error) : 0;
}

bool la_power_wanted(const struct la_power *power, const struct fi_control *control)
{
    bool by_copy = power->method == LA_POWER_REAL && !la_filesystems[power->disk.filesystem].shuts_down;
    return by_copy && !power->out && atomic_load(&control->cut_ns);
}

/* Puts a state that the journal allows in the place of the data. */
static int simulate(struct la_power *power, uint64_t cut, const char *data, uint64_t seed, struct la_error *error)
{
    char state[LA_PATH_MAX];
    char lost[LA_PATH_MAX];
    struct la_trail trail = {0};
    la_path(state, "%s/after-cut", power->dir);
    la_path(lost, "%s/before-cut", power->dir);
    const struct la_crash_spec spec = {power->spec->filesystem, power->spec->policy, seed + power->cuts};
    uint32_t classes = 0;
    int result = la_make_dirs(state, error) || la_trail_read(&trail, power->side, data, cut, error) ||
                         la_crash_write(&trail, &spec, state, &classes, error)
                     ? -1
                     : 0;
    la_trail_free(&trail);
    power->classes |= classes;
    if (result)
        return -1;
    if (rename(data, lost) || rename(state, data))
        return la_fail(error, "%s: %s", data, strerror(errno));
    la_empty_folder(lost);
    rmdir(lost);
    return la_power_begin(power, data, error);
}

int la_power_restore(struct la_power *power, struct fi_control *control, const char *data, uint64_t seed,
                     struct la_error *error)
{
    int result = power->method == LA_POWER_REAL ? la_disk_remount(&power->disk, error)
                                                : simulate(power, atomic_load(&control->cut_at), data, seed, error);
    power->out = false;
    power->cuts++;
    atomic_store(&control->cut_ns, 0);
    return result;
}

void la_power_free(struct la_power *power)
{
    struct la_error ignored;
    fi_journal_close(power->journal);
    power->journal = NULL;
    if (power->method == LA_POWER_SIMULATED) { /* the journal has told what it had to tell */
        la_empty_folder(power->side);
        rmdir(power->side);
    }
    if (power->method == LA_POWER_REAL && power->out) /* a run that ended in the dark: what would have come back */
        la_disk_remount(&power->disk, &ignored);
    if (power->method == LA_POWER_REAL && power->disk.mounted) {
        char from[LA_PATH_MAX];
        char to[LA_PATH_MAX];
        la_path(from, "%s/data", power->disk.mount);
        la_path(to, "%s/data", power->dir);
        if (la_make_dirs(to, &ignored) == 0)
            la_copy_tree(from, to, &ignored);
    }
    if (power->method == LA_POWER_REAL)
        la_disk_free(&power->disk);
    *power = (struct la_power){0};
}

void la_power_words(const struct la_power *power, char *out, size_t size)
{
    out[0] = '\0';
    if (power->method == LA_POWER_REAL)
        snprintf(out, size, "real, %s", la_filesystems[power->spec->filesystem].name);
    if (power->method == LA_POWER_SIMULATED)
        snprintf(out, size, "simulated, %s, %s", la_filesystems[power->spec->filesystem].name,
                 la_policy_names[power->spec->policy]);
}
