// SPDX-License-Identifier: MIT
//
// Guessing what a misspelt word was meant to be.
#ifndef TQ_BASE_HINT_H
#define TQ_BASE_HINT_H

/* The one of known (a list that ends with NULL) that was probably meant by word, or NULL. */
const char *tq_hint_find(const char *word, const char *const *known);

#endif
