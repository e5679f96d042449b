#include "world/person.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DRAIN_MS = 50, SPIN_MS = 10 };

/* The shell's terminal is as large as the person's, also when that is made larger. */
static void take_size(int terminal)
{
    struct winsize size;
    struct winsize other;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) || ioctl(terminal, TIOCGWINSZ, &other))
        return;
    if (memcmp(&size, &other, sizeof size) != 0)
        ioctl(terminal, TIOCSWINSZ, &size);
}

/* Every key goes to the shell's terminal, which makes of it what a terminal does. */
static int take_terminal(struct la_person *person, struct la_error *error)
{
    if (tcgetattr(STDIN_FILENO, &person->before))
        return la_fail(error, "standard input is no terminal");
    struct termios raw = person->before;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw))
        return la_fail(error, "the terminal: %s", strerror(errno));
    person->raw = true;
    return 0;
}

int la_person_open(struct la_person *person, const struct la_world *world, const char *path, const char *rc,
                   struct la_error *error)
{
    const char *kind = getenv("TERM");
    char *term = la_format("TERM=%s", kind && *kind ? kind : "dumb");
    const char *const argv[] = {"env", term, "bash", "--noprofile", "--rcfile", rc, "-i", NULL};
    *person = LA_PERSON_NOBODY;
    person->transcript = la_alloc(LA_TRANSCRIPT_MAX + 1, 1);
    int failed = la_bash_open(&person->bash, world, path, argv, error);
    free(term);
    if (failed)
        return -1;
    fcntl(person->bash.terminal, F_SETFL, O_RDWR | O_NONBLOCK); /* whoever does not read is not waited for */
    fcntl(person->bash.orders, F_SETFL, O_WRONLY | O_NONBLOCK);
    take_size(person->bash.terminal);
    return take_terminal(person, error);
}

static bool pass_on(int to, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t done = write(to, text, length);
        if (done < 0 && errno != EINTR)
            return false;
        text += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* What was printed. False: there is nothing any more. */
static bool take_output(struct la_person *person)
{
    char text[4096];
    ssize_t length = read(person->bash.terminal, text, sizeof text);
    if (length <= 0)
        return false;
    size_t room = LA_TRANSCRIPT_MAX - person->length;
    size_t kept = (size_t)length < room ? (size_t)length : room;
    memcpy(person->transcript + person->length, text, kept);
    person->length += kept;
    person->cut = person->cut || kept < (size_t)length;
    return pass_on(STDOUT_FILENO, text, (size_t)length);
}

/* What was typed. False: nobody can type any more. */
static bool take_input(struct la_person *person)
{
    ssize_t length = read(STDIN_FILENO, person->typed, sizeof person->typed);
    person->typed_length = length > 0 ? (size_t)length : 0;
    return length > 0 || (length < 0 && errno == EINTR);
}

/* As much of it as the terminal takes. */
static void give_input(struct la_person *person)
{
    ssize_t taken = write(person->bash.terminal, person->typed, person->typed_length);
    if (taken <= 0)
        return;
    person->typed_length -= (size_t)taken;
    memmove(person->typed, person->typed + taken, person->typed_length);
}

/* "b", or "e PROMPT STATUS  NUMBER  COMMAND". */
static enum la_person_event understand(const char *answer, struct la_person_command *command)
{
    int read = 0;
    if (*answer == 'b')
        return LA_PERSON_BEGINS;
    *command = (struct la_person_command){.number = -1};
    int found = sscanf(answer, "e %d %d %d %n", &command->prompt, &command->status, &command->number, &read);
    if (found == 3)
        snprintf(command->text, sizeof command->text, "%s", answer + read);
    return found >= 2 ? LA_PERSON_ENDED : LA_PERSON_NONE;
}

/* Takes the first answer off, if it is whole. False: it is not. */
static bool take_one(struct la_person *person, struct la_person_command *command, enum la_person_event *event)
{
    char *end = memchr(person->heard, '\0', person->heard_length);
    bool full = person->heard_length == sizeof person->heard; /* a command that is longer than we care for */
    if (!end && !full)
        return false;
    if (!end)
        person->heard[person->heard_length - 1] = '\0';
    size_t length = end ? (size_t)(end - person->heard) + 1 : person->heard_length;
    *event = person->skipping ? LA_PERSON_NONE : understand(person->heard, command);
    person->skipping = !end;
    person->heard_length -= length;
    memmove(person->heard, person->heard + length, person->heard_length);
    return true;
}

static enum la_person_event take_answer(struct la_person *person, struct la_person_command *command)
{
    enum la_person_event event = LA_PERSON_NONE;
    while (event == LA_PERSON_NONE && take_one(person, command, &event))
        ;
    return event;
}

static void hear(struct la_person *person)
{
    size_t room = sizeof person->heard - person->heard_length;
    ssize_t got = room ? read(person->bash.answers, person->heard + person->heard_length, room) : 1;
    if (got == 0) { /* the shell has closed its end: nothing more comes */
        close(person->bash.answers);
        person->bash.answers = -1;
    }
    person->heard_length += room && got > 0 ? (size_t)got : 0;
}

static bool shell_ended(struct la_person *person)
{
    if (waitpid(person->bash.pid, NULL, WNOHANG) != person->bash.pid)
        return false;
    person->bash.pid = 0;
    return true;
}

/* What was printed before something happened lies in the terminal still. */
static void drain(struct la_person *person)
{
    struct pollfd event = {.fd = person->bash.terminal, .events = POLLIN};
    uint64_t deadline = la_now_ns() + DRAIN_MS * UINT64_C(1000000);
    while (la_now_ns() < deadline && poll(&event, 1, 0) > 0 && event.revents & POLLIN && take_output(person))
        ;
}

enum la_person_event la_person_relay(struct la_person *person, int ms, struct la_person_command *command)
{
    uint64_t deadline = la_now_ns() + (uint64_t)ms * 1000000;
    while (person->bash.pid) {
        bool typed = person->typed_length > 0;
        struct pollfd all[] = {{.fd = person->bash.answers, .events = POLLIN},
                               {.fd = person->bash.terminal, .events = (short)(typed ? POLLIN | POLLOUT : POLLIN)},
                               {.fd = typed ? -1 : STDIN_FILENO, .events = POLLIN}};
        enum la_person_event event = take_answer(person, command);
        if (event == LA_PERSON_ENDED)
            drain(person);
        uint64_t now = la_now_ns();
        if (event != LA_PERSON_NONE || now >= deadline)
            return event;
        int ready = poll(all, 3, (int)((deadline - now) / 1000000) + 1);
        if (ready > 0 && all[0].revents)
            hear(person);
        if (ready > 0 && all[1].revents & POLLIN)
            take_output(person);
        if (ready > 0 && all[1].revents & POLLOUT)
            give_input(person);
        if (ready > 0 && all[1].revents == POLLHUP) /* the shell has closed its terminal, and lives */
            la_sleep_ms(SPIN_MS);
        if (ready > 0 && all[2].revents && !take_input(person))
            break;
        if (shell_ended(person))
            break;
        take_size(person->bash.terminal);
    }
    drain(person);
    return LA_PERSON_GONE;
}

void la_person_go_on(struct la_person *person, int prompt)
{
    char order[16];
    int length = snprintf(order, sizeof order, "%d\n", prompt);
    (void)!write(person->bash.orders, order, (size_t)length); /* where there is no room, nobody has waited */
}

void la_person_close(struct la_person *person)
{
    la_bash_close(&person->bash);
    if (person->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &person->before);
    person->raw = false;
}

void la_person_free(struct la_person *person)
{
    la_person_close(person);
    free(person->transcript);
    person->transcript = NULL;
}
