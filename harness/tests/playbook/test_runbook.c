/* From Markdown to commands, and from comments to what is to be seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "playbook/runbook.h"

static int read_text(const char *text, struct la_runbook *runbook, struct la_error *error)
{
    char path[] = "/tmp/runbook-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(text, file);
    fclose(file);
    int failed = la_runbook_read(runbook, path, error);
    unlink(path);
    return failed;
}

static void commands_are_taken_in_order_with_their_lines(void **state)
{
    static const char text[] = "# Title\n"
                               "\n"
                               "```sh\n"
                               "# a remark\n"
                               "echo one # PONG\n"
                               "\n"
                               "if true; then\n"
                               "  echo 'two # no comment'\n"
                               "fi\n"
                               "cat <<EOF\n"
                               "# of the document\n"
                               "EOF\n"
                               "echo three \\\n"
                               "  four\n"
                               "```\n"
                               "```python\n"
                               "print(1)\n"
                               "```\n"
                               "1. in a list:\n"
                               "   ```console\n"
                               "   $ echo five # OK\n"
                               "   # Keyspace\n"
                               "   five\n"
                               "   ```\n"
                               "   ```console\n"
                               "   # echo six\n"
                               "   ```\n"
                               "```sh\n"
                               "printf '%s\\n' 'appendonly no\n"
                               "save \"\" # in quotes' >>conf\n"
                               "n=\"$(grep -n \" # managed\" conf)\"\n"
                               "```\n";
    static const struct {
        int line;
        const char *command;
    } wanted[] = {{5, "echo one"},
                  {7, "if true; then\n  echo 'two # no comment'\nfi"},
                  {10, "cat <<EOF\n# of the document\nEOF"},
                  {13, "echo three \\\n  four"},
                  {21, "echo five"},
                  {26, "echo six"},
                  {29, "printf '%s\\n' 'appendonly no\nsave \"\" # in quotes' >>conf"},
                  {31, "n=\"$(grep -n \" # managed\" conf)\""}};
    struct la_runbook runbook;
    struct la_error error;
    (void)state;
    assert_int_equal(read_text(text, &runbook, &error), 0);
    assert_int_equal(runbook.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < runbook.count; i++) {
        assert_string_equal(runbook.steps[i].command, wanted[i].command);
        assert_int_equal(runbook.steps[i].line, wanted[i].line);
    }
    assert_int_equal(runbook.judged, 2);
    la_runbook_free(&runbook);
}

static void comments_say_what_is_to_be_seen(void **state)
{
    static const struct {
        const char *comment;
        enum la_wanted wanted;
        const char *output;
        bool seen;
    } rows[] = {
        {"PONG", LA_WANTS_LITERAL, "PONG", true},
        {"PONG", LA_WANTS_LITERAL, "LOADING\nPONG\n", true},
        {"PONG", LA_WANTS_LITERAL, "PONG\nCould not connect", false},
        {"OK", LA_WANTS_LITERAL, "", false},
        {"(integer) 3", LA_WANTS_LITERAL, "3", true},
        {"(integer) 3", LA_WANTS_LITERAL, "(integer) 3", true},
        {"(integer) 3", LA_WANTS_LITERAL, "30", false},
        {"> 0", LA_WANTS_NUMBER, "12", true},
        {"> 0", LA_WANTS_NUMBER, "0", false},
        {"> 0", LA_WANTS_NUMBER, "no number", false},
        {"should be > 0 if recovery succeeded", LA_WANTS_NUMBER, "(integer) 5", true},
        {"= 4", LA_WANTS_NUMBER, "4", true},
        {"== 4", LA_WANTS_NUMBER, "5", false},
        {"!= 4", LA_WANTS_NUMBER, "5", true},
        {"<= 4", LA_WANTS_NUMBER, "4", true},
        {"< 0", LA_WANTS_NUMBER, "-4", true},
        {">= 10", LA_WANTS_NUMBER, "keys=9", false},
        {"compare with expected count", LA_WANTS_OTHER, "0", true},
        {"PONG, or LOADING", LA_WANTS_OTHER, "", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct la_runbook runbook;
        struct la_error error;
        char *text = la_format("```sh\necho # %s\n```\n", rows[i].comment);
        assert_int_equal(read_text(text, &runbook, &error), 0);
        if (runbook.steps[0].wanted != rows[i].wanted ||
            la_runbook_seen(&runbook.steps[0], rows[i].output) != rows[i].seen)
            fail_msg("row %zu: # %s", i, rows[i].comment);
        la_runbook_free(&runbook);
        free(text);
    }
}

static void a_file_without_commands_is_none(void **state)
{
    struct la_runbook runbook;
    struct la_error error;
    (void)state;
    assert_int_equal(read_text("# Nothing\n\n    indented\n\n```\nplain\n```\n", &runbook, &error), -1);
    assert_non_null(strstr(error.text, "no command in it"));
    la_runbook_free(&runbook);
    assert_int_equal(la_runbook_read(&runbook, "/nowhere.md", &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(commands_are_taken_in_order_with_their_lines),
                                       cmocka_unit_test(comments_say_what_is_to_be_seen),
                                       cmocka_unit_test(a_file_without_commands_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
