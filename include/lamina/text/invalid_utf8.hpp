// SPDX-License-Identifier: MIT
// InvalidUtf8: what to do with bytes of a text file that are not UTF-8.
#pragma once

namespace lamina::text {

enum class InvalidUtf8 {
    reject,   ///< a FileError that names the file, the offset of the byte and its line
    replace,  ///< U+FFFD for each longest invalid stretch that could have started a character
    keep,     ///< the bytes as they are: the tokenizers take any; not for JSON, which is UTF-8 by definition
};

}  // namespace lamina::text
