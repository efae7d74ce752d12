// SPDX-License-Identifier: MIT
// PieceReader: what reads one kind of corpus file, piece by piece.
#pragma once

#include <lamina/text/document_piece.hpp>

namespace lamina::text::detail {

class PieceReader {
public:
    PieceReader() = default;
    PieceReader(const PieceReader&) = delete;
    PieceReader& operator=(const PieceReader&) = delete;
    virtual ~PieceReader() = default;

    /// Overwrites `piece` with the next one. Returns false at the end of the file.
    virtual bool next(DocumentPiece& piece) = 0;
};

}  // namespace lamina::text::detail
