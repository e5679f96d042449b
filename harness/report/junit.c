/* JUnit XML by libxml2. */
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/output.h"
#include "report/result.h"
#include "report/row.h"

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

static void write_case(xmlTextWriterPtr writer, const json_t *scenario)
{
    const struct la_row row = la_row_of(scenario);
    xmlTextWriterStartElement(writer, BAD_CAST "testcase");
    attribute(writer, "classname", "lastack");
    attribute(writer, "name", row.name);
    xmlTextWriterWriteFormatAttribute(writer, BAD_CAST "time", "%.3f", row.seconds);
    if (row.verdict != LA_HOLDS) {
        size_t i;
        json_t *reason;
        const char *first = json_string_value(json_array_get(row.reasons, 0));
        xmlTextWriterStartElement(writer, BAD_CAST(row.verdict == LA_VIOLATED ? "failure" : "error"));
        attribute(writer, "message", first ? first : la_verdict_name(row.verdict));
        json_array_foreach (row.reasons, i, reason)
            line(writer, "", json_string_value(reason));
        line(writer, "reproduce: ", row.reproduce);
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
    attribute_number(writer, "failures", (int)la_rows_count(scenarios, LA_VIOLATED));
    attribute_number(writer, "errors", (int)la_rows_count(scenarios, LA_INCONCLUSIVE));
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
