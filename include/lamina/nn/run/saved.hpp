// SPDX-License-Identifier: MIT
// Saved activations: what a forward pass leaves for its backward, described by the layer, placed by the model.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include <lamina/arch/manifest.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

/// For layers whose backward needs nothing but the layer's input.
struct NothingSaved {
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
};

namespace detail {

/// Calls `f(view)` for every view in a Saved struct, nested ones included.
template <class Saved, class F>
constexpr void for_each_view(Saved& saved, const F& f) {
    saved.visit([&](auto& member) {
        if constexpr (is_rows<std::remove_cvref_t<decltype(member)>>) {
            f(member);
        } else {
            for_each_view(member, f);
        }
    });
}

}  // namespace detail

/// Bytes that a `Saved` struct takes for this many tokens, alignment included.
template <class Saved>
[[nodiscard]] constexpr std::size_t saved_bytes(std::size_t tokens) {
    std::size_t bytes = 0;
    Saved saved{};
    detail::for_each_view(saved, [&](auto& view) {
        using View = std::remove_cvref_t<decltype(view)>;
        bytes += aligned_size(tokens * View::cols * sizeof(typename View::value_type));
    });
    return bytes;
}

/// Points every view of `saved` into `memory`, which has at least `saved_bytes<Saved>(tokens)` bytes.
template <class Saved>
void bind_saved(Saved& saved, std::byte* memory, std::size_t tokens) {
    detail::for_each_view(saved, [&](auto& view) {
        using View = std::remove_cvref_t<decltype(view)>;
        using T = typename View::value_type;
        view = View(reinterpret_cast<T*>(memory), tokens);
        memory += aligned_size(tokens * View::cols * sizeof(T));
    });
}

/// Points every view of `saved` nowhere: for layers that are run on paper.
template <class Saved>
constexpr void bind_saved_on_paper(Saved& saved, std::size_t tokens) {
    detail::for_each_view(saved, [&](auto& view) {
        using View = std::remove_cvref_t<decltype(view)>;
        view = View(&nowhere<typename View::value_type>, tokens);
    });
}

}  // namespace lamina
