// SPDX-License-Identifier: MIT
//
// Guessing what a misspelt field was meant to be: the known word at the least edit distance, when
// that is at most two, or the same word in other clothes (maxAttempts for max_attempts).
#include "base/hint.h"

#include <ctype.h>
#include <string.h>

enum { MAX_WORD = 32, MAX_DISTANCE = 2 };

static size_t plain(const char *word, char out[MAX_WORD])
{
    size_t len = 0;

    for (; *word != '\0' && len < MAX_WORD - 1; word++) {
        if (isalnum((unsigned char)*word))
            out[len++] = (char)tolower((unsigned char)*word);
    }
    out[len] = '\0';
    return len;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's, one row at a time. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[MAX_WORD + 1];

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];

            row[j] = least(row[j - 1] + 1, above + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *tq_hint_find(const char *word, const char *const *known)
{
    char given[MAX_WORD], candidate[MAX_WORD];
    size_t given_len = plain(word, given), best = MAX_DISTANCE + 1;
    const char *found = NULL;

    for (; *known != NULL; known++) {
        size_t candidate_len = plain(*known, candidate);
        size_t steps = distance(given, given_len, candidate, candidate_len);

        if (steps < best && steps < candidate_len) {
            best = steps;
            found = *known;
        }
    }
    return found;
}
