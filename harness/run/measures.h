/*
 * What a run has measured beside loss and recovery, by names that the scenario gives: samples of a number, or a text.
 * The steps add, the judge reads. Not shared between threads.
 */
#ifndef LASTACK_RUN_MEASURES_H
#define LASTACK_RUN_MEASURES_H

#include <stdbool.h>
#include <stddef.h>

struct la_sample {
    double value;
    double at;  /* of what size, bytes of data, say, it is the value; 0: of none */
    bool apart; /* it is to be foretold by the others, and is none of them */
};

struct la_measure {
    char *name;
    char *unit;
    char *text;  /* the last one that was noted, at most 64 KiB; NULL: none */
    bool unread; /* that says that there is nothing of the kind */
    struct la_sample *samples;
    size_t count;
};

struct la_measures {
    struct la_measure *items;
    size_t count;
};

/* Notes a sample, or a text, of the figure of that name. The unit is that of its first sample. */
void la_measures_add(struct la_measures *measures, const char *name, const char *unit, struct la_sample sample);
void la_measures_note(struct la_measures *measures, const char *name, const char *text);

/* The text that was noted last is none that was looked for. */
void la_measures_unread(struct la_measures *measures, const char *name);

/* A text, and a sample where it is a number, divided by `divide` (0: as it is); `sample` says the rest of it. */
void la_measures_read(struct la_measures *measures, const char *name, const char *unit, const char *text,
                      struct la_sample sample, unsigned int divide);

/* NULL: nothing of that name was measured. */
const struct la_measure *la_measures_find(const struct la_measures *measures, const char *name);

/* Whether a figure of that name is one of those that a step called `own` measures: OWN with one of these endings. */
#define LA_IS_FIGURE_OF(own, name, endings) la_is_figure_of(own, name, endings, sizeof(endings) / sizeof *(endings))
bool la_is_figure_of(const char *own, const char *name, const char *const *endings, size_t count);

void la_measures_free(struct la_measures *measures);

#endif
