/*
 * The states that are enumerated, against an enumeration that knows nothing of it: every content that a small directory
 * could have at all is made, and the model is asked whether a cut may leave it (la_crash_allows, which real file
 * systems are held against).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/state.h"
#include "explore/space.h"
#include "fixture.h"

enum { SIZE_MAX_TRIED = 20, TREES_MAX = 1 << 16, DEEPEST = LA_DEVIATIONS_MAX, TEXT_MAX = 256, HASHES_MAX = 1 << 12 };

/* The names that a row's program can have used, and what it can have written, with a line in place of a zero byte. */
static const struct row {
    const char *operations;
    const char *names[3];
    const char *contents[5];
} rows[] = {
    {"open write", {"file"}, {"0123456789"}},
    {"open write fsync fsyncdir write", {"file"}, {"0123456789", "01234567890123456789"}},
    {"openplain write fsync fsyncdir overwrite", {"file"}, {"0123456789", "01abcd6789"}},
    {"openplain write fsync fsyncdir truncate", {"file"}, {"0123456789"}},
    {"openplain write truncate write", {"file"}, {"0123456789", "01234567890123456789", "__________0123456789"}},
    {"open write fsync fsyncdir rename", {"file", "renamed"}, {"0123456789"}},
    {"open write rename fsyncdir", {"file", "renamed"}, {"0123456789"}},
    {"open write fsync unlink", {"file"}, {"0123456789"}},
    {"open write fsync fsyncdir stream", {"file", "stream"}, {"0123456789"}},
};

static int set_up(void **state)
{
    *state = fixture_new(FI_BACKEND_PRELOAD);
    return 0;
}

/* ---- a set of directories, each as a text ---- */

struct trees {
    char (*texts)[TEXT_MAX];
    size_t count;
};

static void add_tree(struct trees *trees, const char *text)
{
    for (size_t i = 0; i < trees->count; i++)
        if (!strcmp(trees->texts[i], text))
            return;
    assert_true(trees->count < TREES_MAX);
    snprintf(trees->texts[trees->count++], TEXT_MAX, "%s", text);
}

static bool has_tree(const struct trees *trees, const char *text)
{
    for (size_t i = 0; i < trees->count; i++)
        if (!strcmp(trees->texts[i], text))
            return true;
    return false;
}

static void remove_all(const char *dir)
{
    if (access(dir, F_OK))
        return;
    la_empty_folder(dir);
    assert_int_equal(rmdir(dir), 0);
}

static void describe_file(const char *path, const char *name, FILE *to)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    fprintf(to, "%s=", name);
    for (int byte; (byte = fgetc(file)) != EOF;)
        fputc(byte ? byte : '_', to);
    fputc(';', to);
    fclose(file);
}

/* Names in their order, with contents. */
static void describe(const char *dir, char text[TEXT_MAX])
{
    struct dirent **entries;
    FILE *to = fmemopen(text, TEXT_MAX, "w");
    int count = scandir(dir, &entries, la_is_visible, alphasort);
    assert_true(to && count >= 0);
    for (int i = 0; i < count; i++) {
        char path[LA_PATH_MAX];
        la_path(path, "%s/%s", dir, entries[i]->d_name);
        describe_file(path, entries[i]->d_name, to);
        free(entries[i]);
    }
    free(entries);
    fputc('\0', to);
    fclose(to);
}

/* ---- what is enumerated ---- */

struct enumerated {
    const struct la_trail *trail;
    char dir[LA_PATH_MAX];
    struct trees trees;
    uint64_t hashes[HASHES_MAX];
    size_t hash_count;
};

static void visit(void *context, const struct la_choice *choice, uint64_t hash, uint64_t likeness)
{
    (void)likeness;
    struct enumerated *enumerated = context;
    struct la_error error = {""};
    char text[TEXT_MAX];
    for (size_t i = 0; i < enumerated->hash_count; i++)
        if (enumerated->hashes[i] == hash)
            return;
    assert_true(enumerated->hash_count < HASHES_MAX);
    enumerated->hashes[enumerated->hash_count++] = hash;
    remove_all(enumerated->dir);
    assert_int_equal(mkdir(enumerated->dir, 0700), 0);
    if (la_space_make(enumerated->trail, choice, enumerated->dir, &error))
        fail_msg("%s", error.text);
    describe(enumerated->dir, text);
    assert_false(has_tree(&enumerated->trees, text)); /* two hashes, one tree */
    add_tree(&enumerated->trees, text);
}

/* ---- what there could be ---- */

struct possible {
    const struct la_trail *trail;
    const struct row *row;
    enum la_fs profile;
    char dir[LA_PATH_MAX];
    struct trees trees;
};

static void write_content(const char *path, const char *content, size_t size)
{
    char bytes[SIZE_MAX_TRIED] = "";
    for (size_t i = 0; i < sizeof bytes && content[i]; i++)
        bytes[i] = content[i] == '_' ? '\0' : content[i];
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void ask(struct possible *possible)
{
    struct la_error why = {""};
    char text[TEXT_MAX];
    if (!la_crash_allows(possible->trail, possible->profile, possible->dir, NULL, &why))
        return;
    describe(possible->dir, text);
    add_tree(&possible->trees, text);
}

/* The names from the how-many-th on: each is not there, or has any content up to any size, or nothing but zeros. */
static void try_names(struct possible *possible, unsigned int at)
{
    char path[LA_PATH_MAX];
    const char *name = at < 3 ? possible->row->names[at] : NULL;
    if (!name) {
        ask(possible);
        return;
    }
    la_path(path, "%s/%s", possible->dir, name);
    unlink(path);
    try_names(possible, at + 1);
    static const size_t sizes[] = {0, 1, 4, 9, 10, 11, 19, SIZE_MAX_TRIED};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t size = sizes[s];
        write_content(path, "", size);
        try_names(possible, at + 1);
        for (unsigned int i = 0; size && i < 5 && possible->row->contents[i]; i++) {
            write_content(path, possible->row->contents[i], size);
            try_names(possible, at + 1);
        }
    }
    unlink(path);
}

static void hold_against(const struct trees *enumerated, const struct trees *possible, const char *what)
{
    for (size_t i = 0; i < possible->count; i++)
        if (!has_tree(enumerated, possible->texts[i]))
            fail_msg("%s: '%s' is possible, and was not enumerated", what, possible->texts[i]);
    for (size_t i = 0; i < enumerated->count; i++)
        if (!has_tree(possible, enumerated->texts[i]))
            fail_msg("%s: '%s' was enumerated, and is not possible", what, enumerated->texts[i]);
}

static void compare_at(struct fixture *f, const struct row *row, const struct la_trail *whole, uint64_t cut,
                       enum la_ending ending)
{
    static const enum la_fs profiles[LA_ENDINGS] = {LA_FS_EXT4, LA_FS_EXT4, LA_FS_XFS, LA_FS_POSIX};
    struct la_error error = {""};
    struct la_trail at;
    struct la_trail read;
    struct enumerated *enumerated = la_alloc(1, sizeof *enumerated);
    struct possible possible = {.row = row, .profile = profiles[ending]};
    enumerated->trees.texts = la_alloc(TREES_MAX, TEXT_MAX);
    possible.trees.texts = la_alloc(TREES_MAX, TEXT_MAX);
    la_path(enumerated->dir, "%s/made", f->top);
    la_path(possible.dir, "%s/tried", f->top);
    remove_all(possible.dir);
    assert_int_equal(mkdir(possible.dir, 0700), 0);
    la_trail_at(whole, cut, &at);
    enumerated->trail = &at;
    assert_true(la_space_walk(&at, (uint32_t)cut, ending, DEEPEST, visit, enumerated));
    if (la_trail_read(&read, f->side, f->data, cut, &error)) /* the moment as it would be read by itself */
        fail_msg("%s", error.text);
    possible.trail = &read;
    try_names(&possible, 0);
    hold_against(&enumerated->trees, &possible.trees, row->operations);
    free(enumerated->trees.texts);
    free(possible.trees.texts);
    free(enumerated);
    la_trail_free(&read);
    la_trail_free(&at);
}

static void test_everything_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct la_trail whole;
        struct la_error error = {""};
        struct fixture *f = fixture_new(FI_BACKEND_PRELOAD);
        fixture_run(f, rows[i].operations);
        assert_true(WIFEXITED(f->status) && WEXITSTATUS(f->status) == 0);
        if (la_trail_read(&whole, f->side, f->data, UINT64_MAX, &error))
            fail_msg("%s", error.text);
        for (uint64_t cut = whole.count - 1; cut <= whole.count; cut++)
            for (int ending = LA_ENDING_EXT4; ending < LA_ENDINGS; ending++)
                compare_at(f, &rows[i], &whole, cut, (enum la_ending)ending);
        la_trail_free(&whole);
        void *released = f;
        fixture_free(&released);
    }
}

/* ---- less than everything ---- */

static void count(void *context, const struct la_choice *choice, uint64_t hash, uint64_t likeness)
{
    (void)choice;
    (void)hash;
    (void)likeness;
    ++*(unsigned int *)context;
}

static void test_a_bound_is_said(void **state)
{
    struct fixture *f = *state;
    struct la_trail trail;
    struct la_error error = {""};
    fixture_run(f, "open writepages");
    if (la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error))
        fail_msg("%s", error.text);
    unsigned int deep = 0;
    unsigned int shallow = 0;
    assert_false(la_space_walk(&trail, (uint32_t)trail.count, LA_ENDING_POSIX, 1, count, &shallow));
    la_space_walk(&trail, (uint32_t)trail.count, LA_ENDING_POSIX, 2, count, &deep);
    assert_true(deep > shallow && shallow > 2);
    la_trail_free(&trail);
}

/* A kill leaves what was written, and of the write under way whole pages. */
static void test_kill(void **state)
{
    struct fixture *f = *state;
    struct la_trail trail;
    struct la_error error = {""};
    unsigned int states = 0;
    fixture_run(f, "open write write");
    if (la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error))
        fail_msg("%s", error.text);
    assert_true(la_space_walk(&trail, (uint32_t)trail.count, LA_ENDING_KILL, 2, count, &states));
    assert_int_equal(states, 1);
    la_trail_free(&trail);
}

static void test_drawn_ones_are_possible(void **state)
{
    struct fixture *f = *state;
    struct la_trail trail;
    struct la_error error = {""};
    struct enumerated *drawn = la_alloc(1, sizeof *drawn);
    drawn->trees.texts = la_alloc(TREES_MAX, TEXT_MAX);
    la_path(drawn->dir, "%s/made", f->top);
    fixture_run(f, "openplain write fsync fsyncdir overwrite write rename");
    if (la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error))
        fail_msg("%s", error.text);
    drawn->trail = &trail;
    uint64_t random = 1;
    for (int i = 0; i < 50; i++) {
        const size_t before = drawn->trees.count;
        la_space_draw(&trail, (uint32_t)trail.count, LA_ENDING_EXT4, &random, visit, drawn);
        if (drawn->trees.count > before && !la_crash_allows(&trail, LA_FS_EXT4, drawn->dir, NULL, &error))
            fail_msg("%s", error.text);
    }
    assert_true(drawn->trees.count > 2);
    free(drawn->trees.texts);
    free(drawn);
    la_trail_free(&trail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_and_nothing_else),
        cmocka_unit_test_setup_teardown(test_a_bound_is_said, set_up, fixture_free),
        cmocka_unit_test_setup_teardown(test_kill, set_up, fixture_free),
        cmocka_unit_test_setup_teardown(test_drawn_ones_are_possible, set_up, fixture_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
