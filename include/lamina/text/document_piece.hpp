// SPDX-License-Identifier: MIT
// DocumentPiece: some text of a corpus, and whether its document ends with it.
#pragma once

#include <string>

namespace lamina::text {

/// A document, or one of the pieces in which a long one comes. Concatenated, the pieces up to and including one with
/// `ends_document` are the document.
struct DocumentPiece {
    std::string text;
    bool ends_document = true;
};

}  // namespace lamina::text
