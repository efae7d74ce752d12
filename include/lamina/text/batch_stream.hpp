// SPDX-License-Identifier: MIT
// batch_stream: micro-batches as a range, to be composed with range-v3's views.
#pragma once

#include <lamina/text/batches.hpp>

#include <range/v3/view/generate.hpp>

namespace lamina::text {

/// An endless lazy input view of TokenBatch. Each element read takes one micro-batch from `batches`, which must outlive
/// the view and whose position() moves along; its spans are valid until the next is read.
template <TokenStore Store>
[[nodiscard]] auto batch_stream(Batches<Store>& batches) {
    return ranges::views::generate([source = &batches] { return source->next(); });
}

}  // namespace lamina::text
