/* JUnit XML by libxml2. */
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/output.h"
#include "report/result.h"

static const char *get(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* XML has no way to write control characters, and libxml2's writer writes them all the same. To be freed. */
static char *writable(const char *value)
{
    char *copy = la_strdup(value);
    for (unsigned char *c = (unsigned char *)copy; *c; c++) {
        bool control = *c < ' ' && *c != '\t' && *c != '\n' && *c != '\r';
        bool no_character = c[0] == 0xef && c[1] == 0xbf && (c[2] == 0xbe || c[2] == 0xbf); /* U+FFFE, U+FFFF */
        if (control || no_character)
            *c = '?';
        if (no_character)
            c[1] = c[2] = '?';
    }
    return copy;
}

static void attribute(xmlTextWriterPtr writer, const char *name, const char *value)
{
    char *clean = writable(value);
    xmlTextWriterWriteAttribute(writer, BAD_CAST name, BAD_CAST clean);
    free(clean);
}

static void line(xmlTextWriterPtr writer, const char *label, const char *value)
{
    char *clean = writable(value);
    xmlTextWriterWriteFormatString(writer, "%s%s\n", label, clean);
    free(clean);
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
            line(writer, "", json_string_value(reason));
        line(writer, "reproduce: ", get(scenario, "reproduce"));
        xmlTextWriterEndElement(writer);
    }
    xmlTextWriterEndElement(writer);
}

static int write_all(xmlTextWriterPtr writer, const json_t *scenarios)
{
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
    return xmlTextWriterEndDocument(writer) < 0 ? -1 : 0;
}

int la_result_junit(const json_t *scenarios, const char *path, int stream, struct la_error *error)
{
    xmlBufferPtr buffer = xmlBufferCreate();
    xmlTextWriterPtr writer = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL;
    int failed = !writer || write_all(writer, scenarios) ? la_fail(error, "%s: no memory for it", path) : 0;
    if (writer)
        xmlFreeTextWriter(writer); /* what it still holds goes into the buffer */
    if (!failed)
        failed =
            la_output(path, stream, (const char *)xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer), error);
    if (buffer)
        xmlBufferFree(buffer);
    return failed;
}
