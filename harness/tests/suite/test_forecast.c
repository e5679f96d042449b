/* How long a run may still take. */
#include <math.h>

#include "cmocka_all.h"
#include "suite/forecast.h"

enum { COUNT = 4 };

/* Two at a time: 10 and 20 s beside others, three times 30 s alone, and one that nobody has timed. */
struct world {
    struct la_suite suite;
    struct la_scenario scenarios[COUNT];
    struct la_scenario *items[COUNT];
    struct la_fit fits[COUNT];
    struct la_duration durations[COUNT - 1];
    struct la_work work;
    struct la_stretch stretch;
};

static void set_up(struct world *world)
{
    *world = (struct world){
        .suite = {.jobs = 2, .certify = true},
        .scenarios = {{.name = (char *)"speed", .alone = true, .times = 3},
                      {.name = (char *)"short", .times = 1},
                      {.name = (char *)"long", .times = 1},
                      {.name = (char *)"untimed", .times = 1}},
        .durations = {{(char *)"short", 10}, {(char *)"long", 20}, {(char *)"speed", 30}},
        .stretch = {0, COUNT, 0},
    };
    for (int i = 0; i < COUNT; i++)
        world->items[i] = &world->scenarios[i];
    world->work = (struct la_work){.suite = &world->suite,
                                   .scenarios = {.items = world->items, .count = COUNT},
                                   .fits = world->fits,
                                   .durations = {world->durations, COUNT - 1}};
}

static void near(double is, double wanted)
{
    if (fabs(is - wanted) > 1e-9)
        fail_msg("%.9g, not %.9g", is, wanted);
}

static void run(struct world *world, unsigned int count, const size_t *scenarios)
{
    world->work.running = count;
    for (unsigned int i = 0; i < count; i++)
        world->work.jobs[i].scenario = scenarios[i];
}

static void nothing_has_ended(void **state)
{
    struct world world;
    (void)state;
    set_up(&world);
    assert_true(la_forecast(&world.work, &world.stretch, 0, 0) < 0);
    run(&world, 1, (const size_t[]){1});
    assert_true(la_forecast(&world.work, &world.stretch, 1, 3) < 0);
}

static void what_is_alone_comes_last_and_shares_with_nobody(void **state)
{
    struct world world;
    (void)state;
    set_up(&world);
    /* 10/2 s have ended in 5 s: left are 20/2, 5/2, and three times 30 s */
    near(la_forecast(&world.work, &world.stretch, 1, 5), 102.5);
    /* 10/2 and 20/2 and 5/2 s have ended, in twice the time, and of the first of three one half */
    run(&world, 1, (const size_t[]){0});
    near(la_forecast(&world.work, &world.stretch, 4, 65), 150);
}

static void a_stretch_is_no_more_than_itself(void **state)
{
    struct world world;
    (void)state;
    set_up(&world);
    world.stretch.first = 2;
    near(la_forecast(&world.work, &world.stretch, 1, 10), 2.5);
    near(la_forecast(&world.work, &world.stretch, 2, 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_ended),
        cmocka_unit_test(what_is_alone_comes_last_and_shares_with_nobody),
        cmocka_unit_test(a_stretch_is_no_more_than_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
