/* JUnit XML by libxml2. */
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <string.h>

#include "result.h"

static const char *get(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static void attribute(xmlTextWriterPtr writer, const char *name, const char *value)
{
    xmlTextWriterWriteAttribute(writer, BAD_CAST name, BAD_CAST value);
}

static void attribute_number(xmlTextWriterPtr writer, const char *name, int value)
{
    xmlTextWriterWriteFormatAttribute(writer, BAD_CAST name, "%d", value);
}

static int count(const json_t *scenarios, const char *verdict)
{
    int found = 0;
    size_t i;
    json_t *scenario;
    json_array_foreach (scenarios, i, scenario)
        found += !strcmp(get(scenario, "verdict"), verdict);
    return found;
}

static void write_case(xmlTextWriterPtr writer, const json_t *scenario)
{
    const char *verdict = get(scenario, "verdict");
    xmlTextWriterStartElement(writer, BAD_CAST "testcase");
    attribute(writer, "classname", "lastack");
    attribute(writer, "name", get(scenario, "name"));
    xmlTextWriterWriteFormatAttribute(writer, BAD_CAST "time", "%.3f",
                                      json_number_value(json_object_get(scenario, "seconds")));
    if (strcmp(verdict, "holds") != 0) {
        size_t i;
        json_t *reason;
        const json_t *reasons = json_object_get(scenario, "reasons");
        xmlTextWriterStartElement(writer, BAD_CAST(strcmp(verdict, "violated") ? "error" : "failure"));
        const char *first = json_string_value(json_array_get(reasons, 0));
        attribute(writer, "message", first ? first : verdict);
        json_array_foreach (reasons, i, reason)
            xmlTextWriterWriteFormatString(writer, "%s\n", json_string_value(reason));
        xmlTextWriterWriteFormatString(writer, "reproduce: %s\n", get(scenario, "reproduce"));
        xmlTextWriterEndElement(writer);
    }
    xmlTextWriterEndElement(writer);
}

int la_result_junit(const json_t *scenarios, const char *path, struct la_error *error)
{
    xmlTextWriterPtr writer = xmlNewTextWriterFilename(path, 0);
    if (!writer)
        return la_fail(error, "%s: cannot be written", path);
    xmlTextWriterSetIndent(writer, 1);
    xmlTextWriterStartDocument(writer, NULL, "UTF-8", NULL);
    xmlTextWriterStartElement(writer, BAD_CAST "testsuite");
    attribute(writer, "name", "lastack");
    attribute_number(writer, "tests", (int)json_array_size(scenarios));
    attribute_number(writer, "failures", count(scenarios, "violated"));
    attribute_number(writer, "errors", count(scenarios, "inconclusive"));
    size_t i;
    json_t *scenario;
    json_array_foreach (scenarios, i, scenario)
        write_case(writer, scenario);
    xmlTextWriterEndElement(writer);
    int failed = xmlTextWriterEndDocument(writer) < 0;
    xmlFreeTextWriter(writer);
    return failed ? la_fail(error, "%s: cannot be written", path) : 0;
}
