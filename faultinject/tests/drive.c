/*
 * A driver for tests that start programs themselves:
 *   drive create DATA SIDE BLOCK    makes a journal and a control block for the directory DATA
 *   drive forget BLOCK              takes the journal off the block again
 *   drive account SIDE              prints what each file has seen: PATH OP=COUNT[:BYTES]..., a line each
 *   drive seen BLOCK                prints how often a directory was fsynced, and what the library could not follow
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/control.h"
#include "driver/journal_file.h"

static int complain(const char *why)
{
    fprintf(stderr, "drive: %s\n", why);
    return 1;
}

static int create(char **args)
{
    char why[256];
    static const struct fi_role roles[] = {{"save-child", "temp-*.rdb"}, {"rewrite-child", "temp-rewriteaof-*"}};
    const struct fi_control_plan plan = {.data_dir = args[0], .side_dir = args[1], .roles = roles, .role_count = 2};
    struct fi_journal *journal = fi_journal_create(args[1], args[0], why, sizeof why);
    struct fi_control *control = journal ? fi_control_create(args[2], &plan, why, sizeof why) : NULL;
    fi_journal_close(journal);
    fi_control_close(control);
    return control ? 0 : complain(why);
}

static int account(char **args)
{
    char why[256];
    struct fi_journal *journal = fi_journal_open(args[0], why, sizeof why);
    if (!journal || fi_journal_incomplete(journal, why, sizeof why))
        return complain(why);
    for (uint32_t i = 0; i < FI_FILES_MAX; i++) {
        const struct fi_file *file = &journal->files[i];
        if (!file->inode)
            continue;
        printf("%s", fi_journal_text(journal, file->name));
        for (uint32_t op = 0; op < FI_OP_COUNT; op++)
            if (file->ops[op])
                printf("\t%s=%llu:%llu", fi_op_name(op), (unsigned long long)file->ops[op],
                       (unsigned long long)file->bytes[op]);
        printf("\n");
    }
    fi_journal_close(journal);
    return 0;
}

static int seen(char **args)
{
    char why[256];
    struct fi_control *control = fi_control_open(args[0], why, sizeof why);
    if (!control)
        return complain(why);
    fi_control_blind(control, why, sizeof why);
    printf("%llu %s\n", (unsigned long long)fi_control_done(control, FI_ROLE_ANY, FI_BIT(FI_OP_FSYNC_DIR)), why);
    fi_control_close(control);
    return 0;
}

static int forget(char **args)
{
    char why[256];
    struct fi_control *control = fi_control_open(args[0], why, sizeof why);
    if (!control)
        return complain(why);
    control->side_dir[0] = '\0';
    fi_control_close(control);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "create"))
        return create(argv + 2);
    if (argc == 3 && !strcmp(argv[1], "forget"))
        return forget(argv + 2);
    if (argc == 3 && !strcmp(argv[1], "account"))
        return account(argv + 2);
    if (argc == 3 && !strcmp(argv[1], "seen"))
        return seen(argv + 2);
    return complain("create DATA SIDE BLOCK | forget BLOCK | account SIDE | seen BLOCK");
}
