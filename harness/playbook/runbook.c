#include "playbook/runbook.h"

#include <cmark.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, STEPS_MAX = 1000 };

/* The grammar of comments that are judged. */
#define LITERAL    "^(PONG|OK|\\(nil\\)|\\(integer\\) -?[0-9]+|\"[^\"]*\")$"
#define COMPARISON "^(should be +)?(>=|<=|==|=|!=|>|<) *(-?[0-9]+)( .*)?$"

static bool is_shell(const char *info)
{
    static const char *const names[] = {"sh", "bash", "shell", "console"};
    char word[16];
    return sscanf(info, "%15s", word) == 1 && LA_IS_AMONG(word, names);
}

/* What the shell makes of a text without running it: it goes on in the next line. */
static bool is_incomplete(const char *text)
{
    int in[2];
    int out[2];
    char said[1024] = "";
    size_t length = 0;
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        setenv("LC_ALL", "C", 1);
        execlp("bash", "bash", "-n", NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    if (write(in[1], text, strlen(text)) < 0) /* it has ended already, and says why */
        length = 0;
    close(in[1]);
    for (ssize_t got; (got = read(out[0], said + length, sizeof said - 1 - length)) > 0;)
        length += (size_t)got;
    said[length] = '\0';
    close(out[0]);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return strstr(said, "unexpected end of file") || strstr(said, "unexpected EOF") || strstr(said, "here-document");
}

/* Where a comment begins behind a command of one line: a # after a blank, outside quotes. NULL: there is none. */
static char *find_comment(char *command)
{
    char quote = '\0';
    for (char *c = command; *c; c++) {
        if (quote) {
            if (*c == '\\' && quote == '"' && c[1])
                c++;
            else
                quote = *c == quote ? '\0' : quote;
        } else if (*c == '\\' && c[1]) {
            c++;
        } else if (*c == '\'' || *c == '"') {
            quote = *c;
        } else if (*c == '#' && c > command && isblank((unsigned char)c[-1])) {
            return c;
        }
    }
    return NULL;
}

static bool matches(const char *pattern, const char *text, regmatch_t found[4])
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED))
        abort(); /* it is ours */
    bool does = regexec(&regex, text, 4, found, 0) == 0;
    regfree(&regex);
    return does;
}

static void read_comment(struct la_runbook_step *step)
{
    regmatch_t part[4];
    step->wanted = LA_WANTS_OTHER;
    if (matches(LITERAL, step->comment, part)) {
        step->wanted = LA_WANTS_LITERAL;
    } else if (matches(COMPARISON, step->comment, part)) {
        int length = (int)(part[2].rm_eo - part[2].rm_so);
        step->wanted = LA_WANTS_NUMBER;
        snprintf(step->comparison, sizeof step->comparison, "%.*s%s", length, step->comment + part[2].rm_so,
                 length == 1 && step->comment[part[2].rm_so] == '=' ? "=" : "");
        step->number = strtod(step->comment + part[3].rm_so, NULL);
    }
}

static void trim_end(char *text)
{
    for (size_t length = strlen(text); length && isspace((unsigned char)text[length - 1]);)
        text[--length] = '\0';
}

static void add_step(struct la_runbook *runbook, int line, char *command)
{
    struct la_runbook_step step = {.line = line, .command = command};
    trim_end(command);
    char *last = strrchr(command, '\n'); /* of several lines, behind the last one */
    char *comment = strstr(command, "<<") ? NULL : find_comment(last ? last + 1 : command);
    if (comment)
        *comment = '\0';
    if (comment && is_incomplete(command)) { /* it lies within quotes that began before */
        *comment = '#';
        comment = NULL;
    }
    if (comment) {
        step.comment = la_strdup(comment + 1 + strspn(comment + 1, " \t"));
        trim_end(command);
        read_comment(&step);
        runbook->judged += step.wanted == LA_WANTS_LITERAL || step.wanted == LA_WANTS_NUMBER;
    }
    runbook->steps = la_realloc(runbook->steps, runbook->count + 1, sizeof *runbook->steps);
    runbook->steps[runbook->count++] = step;
}

static bool says_nothing(const char *line)
{
    line += strspn(line, " \t");
    return !*line || *line == '#';
}

/*
 * One line of a block, behind its prompt; NULL: it is output. A block's first prompt (`prompt`, 0 before it) is that of
 * all its commands: below `$`, what begins with `#` is what a command has said.
 */
static const char *behind_prompt(const char *line, bool console, bool goes_on, char *prompt)
{
    if (!console)
        return line;
    if (goes_on)
        return line + (strncmp(line, "> ", 2) == 0 ? 2 : 0);
    bool is_prompt = (*line == '$' || *line == '#') && line[1] == ' ' && (!*prompt || *prompt == *line);
    if (!is_prompt)
        return NULL;
    *prompt = *line;
    return line + 2;
}

static void read_block(struct la_runbook *runbook, const char *text, int line, bool console)
{
    char *copy = la_strdup(text);
    char *rest = copy;
    char *command = NULL;
    int began = line;
    char prompt = '\0';
    for (char *next; (next = strsep(&rest, "\n")); line++) {
        const char *words = behind_prompt(next, console, command, &prompt);
        if (!words || (!command && says_nothing(words)))
            continue;
        began = command ? began : line;
        char *longer = command ? la_format("%s%s\n", command, words) : la_format("%s\n", words);
        free(command);
        command = longer;
        size_t length = strlen(words);
        if ((length && words[length - 1] == '\\') || (rest && is_incomplete(command)))
            continue;
        if (runbook->count < STEPS_MAX)
            add_step(runbook, began, command);
        else
            free(command);
        command = NULL;
    }
    if (command)
        add_step(runbook, began, command);
    free(copy);
}

void la_runbook_add(struct la_runbook *runbook, const char *text, int line)
{
    read_block(runbook, text, line, false);
}

int la_runbook_read(struct la_runbook *runbook, const char *path, struct la_error *error)
{
    size_t length = 0;
    *runbook = (struct la_runbook){0};
    char *text = la_read_file(path, FILE_MAX, &length, error);
    if (!text)
        return -1;
    cmark_node *document = cmark_parse_document(text, length, CMARK_OPT_DEFAULT);
    cmark_iter *all = cmark_iter_new(document);
    for (cmark_event_type event; (event = cmark_iter_next(all)) != CMARK_EVENT_DONE;) {
        cmark_node *node = cmark_iter_get_node(all);
        if (event != CMARK_EVENT_ENTER || cmark_node_get_type(node) != CMARK_NODE_CODE_BLOCK ||
            !is_shell(cmark_node_get_fence_info(node)))
            continue;
        read_block(runbook, cmark_node_get_literal(node), cmark_node_get_start_line(node) + 1,
                   strncmp(cmark_node_get_fence_info(node), "console", 7) == 0);
    }
    cmark_iter_free(all);
    cmark_node_free(document);
    free(text);
    return runbook->count ? 0
                          : la_fail(error,
                                    "%s: no command in it: a runbook has them in blocks that begin with ```sh "
                                    "(or bash, shell, console)",
                                    path);
}

void la_runbook_free(struct la_runbook *runbook)
{
    for (size_t i = 0; i < runbook->count; i++) {
        free(runbook->steps[i].command);
        free(runbook->steps[i].comment);
    }
    free(runbook->steps);
    *runbook = (struct la_runbook){0};
}

/* The last line that says something. */
static const char *last_line(char *text)
{
    trim_end(text);
    char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

static bool compares(double seen, const char *comparison, double wanted)
{
    bool equal = seen == wanted;
    switch (*comparison) {
    case '<': return seen < wanted || (comparison[1] && equal);
    case '>': return seen > wanted || (comparison[1] && equal);
    case '!': return !equal;
    default: return equal;
    }
}

bool la_runbook_seen(const struct la_runbook_step *step, const char *output)
{
    if (step->wanted != LA_WANTS_LITERAL && step->wanted != LA_WANTS_NUMBER)
        return true;
    char *copy = la_strdup(output);
    const char *line = last_line(copy);
    const char *digits = line + strcspn(line, "0123456789");
    bool seen = step->wanted == LA_WANTS_LITERAL
                    ? !strcmp(line, step->comment) ||
                          (strncmp(step->comment, "(integer) ", 10) == 0 && !strcmp(line, step->comment + 10))
                    : *digits && compares(strtod(digits > line && digits[-1] == '-' ? digits - 1 : digits, NULL),
                                          step->comparison, step->number);
    free(copy);
    return seen;
}
