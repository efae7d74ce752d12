// SPDX-License-Identifier: MIT
// KeyValueCache: keys and values of tokens that a model has seen, so that what follows them need not see them again.
#pragma once

#include <cstddef>

#include <lamina/core/told.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/run/detail/packed_pass.hpp>
#include <lamina/nn/run/segment.hpp>

namespace lamina {

namespace detail {

struct PackedPassOf;

template <class M>
struct SilentLayerError {
    static_assert(announced<typename M::Block>().all && announced<typename M::FinalNorm>().all &&
                      announced<typename M::FinalNorm>().bytes() == 0,
                  "lamina: KeyValueCache: a layer of the model does not say how its tokens see each other; announce "
                  "token_wise or cached_width in it, as nn/layer_concept.hpp tells");
};

}  // namespace detail

/// Keys and values of `rows` tokens in every layer, in that layer's activation type, and what a pass that reads and
/// writes them needs (`score`, `logits`).
///
/// Rows have no meaning of their own: a sequence lies in consecutive rows, several lie wherever the caller puts them,
/// and rows are used again by storing something else in them. A pass stores its segments' tokens in the order of the
/// layers, so no segment may be stored where another one of the same pass is read or stored.
///
/// M        each of its layers announces how its tokens see each other (nn/layer_concept.hpp)
/// memory   rows × layers × 2 × embed scalars, allocated by the constructor; small lists on the host grow to the
///          largest pass
/// threads  one pass at a time, as the model
template <LanguageModel M>
class KeyValueCache {
    static_assert(detail::told(detail::mistake<detail::SilentLayerError<M>>));

public:
    /// errors   ArgumentError for more rows than any memory holds, lamina::Error when there is not that much memory
    KeyValueCache(typename M::Backend& backend, std::size_t rows) : pass_(backend, rows) {}

    /// Tokens that it has room for.
    [[nodiscard]] std::size_t rows() const { return pass_.rows(); }
    /// Of keys and values.
    ///
    /// errors   ArgumentError for more than any memory holds
    [[nodiscard]] static constexpr std::size_t bytes(std::size_t rows) { return detail::PackedPass<M>::bytes(rows); }

private:
    friend detail::PackedPassOf;
    detail::PackedPass<M> pass_;
};

namespace detail {

/// For functions that run a pass over a cache.
struct PackedPassOf {
    template <class M>
    [[nodiscard]] static PackedPass<M>& get(KeyValueCache<M>& cache) {
        return cache.pass_;
    }
};

}  // namespace detail

}  // namespace lamina
