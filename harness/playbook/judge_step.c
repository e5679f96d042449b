#include "playbook/judge_step.h"

#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

const char *la_step_was_name(enum la_step_was was)
{
    static const char *const names[] = {"right",   "wrong",       "failed",      "impossible",
                                        "waiting", "destructive", "not reached", "inconclusive"};
    return names[was];
}

bool la_step_stops(enum la_step_was was)
{
    return was == LA_STEP_FAILED || was == LA_STEP_IMPOSSIBLE || was == LA_STEP_WAITING;
}

static bool starts_server(const char *command)
{
    regex_t regex;
    if (regcomp(&regex, "systemctl( +-[^ ]+)* +(start|restart|reload-or-restart) +redis", REG_EXTENDED | REG_NOSUB))
        abort(); /* it is ours */
    bool starts = regexec(&regex, command, 0, NULL, 0) == 0;
    regfree(&regex);
    return starts;
}

void la_step_expect(const struct la_runbook_step *step, const struct la_world *world, struct la_step_seen *seen)
{
    char *copy = la_strdup(step->command);
    char *rest = copy;
    seen->missing[0] = '\0';
    seen->starts = starts_server(step->command);
    for (char *word; (word = strsep(&rest, " \t\n\"'")) && !*seen->missing;) {
        if (*word != '/' || strpbrk(word, "*?[]{}$()<>|;&`"))
            continue;
        int file = la_world_open(world, word, O_PATH);
        if (file >= 0)
            close(file);
        else
            la_path(seen->missing, "%.3000s", word);
    }
    free(copy);
}

/* The last line that was printed, for a message. */
static const char *last_line(const char *output)
{
    const char *newline = strrchr(output, '\n');
    return newline ? newline + 1 : output;
}

/* redis-cli ends with status 0 when a server answers with an error. NULL: none did. */
static const char *refused(const struct la_runbook_step *step, const char *output)
{
    static const char mark[] = "(error) ";
    if (!strstr(step->command, "redis-cli"))
        return NULL;
    if (!strncmp(output, mark, sizeof mark - 1))
        return output;
    const char *line = strstr(output, "\n(error) ");
    return line ? line + 1 : NULL;
}

enum la_step_was la_step_judge(const struct la_runbook_step *step, const struct la_shell_done *done,
                               const struct la_step_seen *seen, char *why, size_t size)
{
    const char *line = last_line(done->output);
    *why = '\0';
    if (*seen->undone) {
        snprintf(why, size, "%s", seen->undone);
        return LA_STEP_UNKNOWN;
    }
    if (seen->after < seen->before) {
        snprintf(why, size, "%d keys could be got back before it, %d after it", seen->before, seen->after);
        return LA_STEP_DESTRUCTIVE;
    }
    if (done->asks) {
        snprintf(why, size, "it asks, and nobody is there: %.200s", line);
        return LA_STEP_WAITING;
    }
    if (done->status == NOT_FOUND || done->status == NOT_EXECUTABLE || (done->status && *seen->missing)) {
        if (*seen->missing)
            snprintf(why, size, "there is no %.200s: %.200s", seen->missing, line);
        else
            snprintf(why, size, "status %d: %.200s", done->status, line);
        return LA_STEP_IMPOSSIBLE;
    }
    if (done->late || done->status) {
        if (done->late)
            snprintf(why, size, "it does not end: %.200s", line);
        else
            snprintf(why, size, "status %d: %.200s", done->status, line);
        return LA_STEP_FAILED;
    }
    const char *refusal = refused(step, done->output);
    if (refusal) {
        snprintf(why, size, "it reports success, and the server has refused it: %.*s", (int)strcspn(refusal, "\n"),
                 refusal);
        return LA_STEP_WRONG;
    }
    if (!la_runbook_seen(step, done->output)) {
        snprintf(why, size, "'%.80s' is to be seen, and it says: %.200s", step->comment, line);
        return LA_STEP_WRONG;
    }
    if (seen->starts && !seen->serves) {
        snprintf(why, size, "it reports success, and no server answers");
        return LA_STEP_WRONG;
    }
    return LA_STEP_RIGHT;
}
