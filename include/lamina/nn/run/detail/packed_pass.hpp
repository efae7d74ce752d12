// SPDX-License-Identifier: MIT
// PackedPass: what a KeyValueCache does during a pass, and what models must announce so that it can.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/segment.hpp>

namespace lamina::detail {

/// What the layers of a block say of how its tokens see each other (nn/layer_concept.hpp).
struct Announced {
    bool all = true;  ///< every layer says something
    /// Scalars that they keep per token, the keys and the values of each attention, of each type.
    std::size_t doubles = 0;
    std::size_t floats = 0;
    std::size_t bfloats = 0;

    template <FloatingScalar Scalar>
    [[nodiscard]] constexpr std::size_t& of() {
        if constexpr (std::is_same_v<Scalar, double>) return doubles;
        if constexpr (std::is_same_v<Scalar, float>) return floats;
        if constexpr (std::is_same_v<Scalar, bf16>) return bfloats;
    }
    [[nodiscard]] constexpr std::size_t bytes() const {
        return doubles * sizeof(double) + floats * sizeof(float) + bfloats * sizeof(bf16);
    }
};

template <class Block>
[[nodiscard]] consteval Announced announced() {
    Announced sum{};
    const auto look = [&](const auto& self, auto& node) -> void {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (is_array_member<Node>) {
            for (auto& member : node) self(self, member);
        } else if constexpr (!ParameterMember<Node> && !DerivedMember<Node>) {
            constexpr bool is_layer = requires { typename Node::Saved; };  // not only a group of parameters
            if constexpr (requires { Node::cached_width; }) {
                sum.template of<typename Node::Scalar>() += 2 * Node::cached_width;
            } else if constexpr (is_layer && !requires { requires Node::token_wise; }) {
                sum.all = false;
            }
            node.visit([&](std::string_view, auto& member) { self(self, member); });
        }
    };
    Block block{};
    look(look, block);
    return sum;
}

/// What `layers` keep per token in `Scalar`.
template <class Scalar>
[[nodiscard]] consteval std::size_t announced_in(Announced layers) {
    return layers.template of<Scalar>();
}

/// The attentions of one block that compute in `Scalar`, one after another, in a pass over packed segments.
template <class B, class Scalar>
class BlockAttention final : public PackedAttention<Scalar> {
public:
    /// What follows is in another block, whose attentions keep `scalars` per token: `keys_values` [scalars, rows].
    void enter_block(B& backend, std::span<const PackedSegment> segments, bool stores, Scalar* keys_values,
                     std::size_t rows, std::size_t scalars) {
        backend_ = &backend;
        segments_ = segments;
        stores_ = stores;
        next_ = keys_values;
        rows_ = rows;
        scalars_ = scalars;
        used_ = 0;
    }
    /// errors   Error when not every layer that announces keys and values asked for them
    void leave_block() const {
        if (used_ != scalars_) refuse_use();
    }

    void attend(std::size_t heads, MatrixView<const Scalar> qkv, MatrixView<Scalar> out) override {
        const std::size_t width = out.cols;
        used_ += 2 * width;
        if (used_ > scalars_) refuse_use();
        const MatrixView<Scalar> keys(next_, rows_, width);
        const MatrixView<Scalar> values(next_ + rows_ * width, rows_, width);
        next_ += 2 * rows_ * width;
        backend_->run(CachedAttention<Scalar>{
            .segments = segments_, .heads = heads, .qkv = qkv, .keys = keys, .values = values, .out = out});
        if (!stores_) return;
        backend_->run(StoreKeysValues<Scalar>{.segments = segments_, .qkv = qkv, .keys = keys, .values = values});
    }

private:
    [[noreturn]] void refuse_use() const {
        throw Error("lamina: cached pass: the layers of a block announce " + std::to_string(scalars_) +
                    " scalars of keys and values per token, but asked for " + std::to_string(used_) +
                    "; each layer with a cached_width must call attend of Pass::packed once per pass");
    }

    B* backend_ = nullptr;
    std::span<const PackedSegment> segments_{};
    bool stores_ = false;
    Scalar* next_ = nullptr;  // where the keys of the next attention lie
    std::size_t rows_ = 0;
    std::size_t scalars_ = 0;
    std::size_t used_ = 0;
};

/// The memory of a KeyValueCache and what a pass of `M` over it needs.
template <class M>
class PackedPass {
    using Backend = typename M::Backend;
    static constexpr Announced kept = announced<typename M::Block>();  // per token and block

    /// Only of scalars that the layers keep, so that no device is compiled for others.
    template <class Scalar>
    using AttentionIn =
        std::conditional_t<announced_in<Scalar>(kept) == 0, std::tuple<>, std::tuple<BlockAttention<Backend, Scalar>>>;
    // From wide to narrow: what is kept of one type begins where the next one may, too.
    using BlockAttentions = decltype(std::tuple_cat(
        std::declval<AttentionIn<double>>(), std::declval<AttentionIn<float>>(), std::declval<AttentionIn<bf16>>()));

public:
    PackedPass(Backend& backend, std::size_t rows)
        : backend_(&backend), rows_(rows), memory_(backend.allocate(bytes(rows))) {}

    PackedPass(PackedPass&&) noexcept = default;
    PackedPass& operator=(PackedPass&&) noexcept = default;
    PackedPass(const PackedPass&) = delete;
    PackedPass& operator=(const PackedPass&) = delete;
    ~PackedPass() = default;

    [[nodiscard]] static constexpr std::size_t bytes(std::size_t rows) {
        constexpr std::size_t each = M::architecture.layers * kept.bytes();
        if (each != 0 && rows > std::numeric_limits<std::size_t>::max() / 2 / each) {
            throw ArgumentError("lamina: KeyValueCache: " + std::to_string(rows) + " rows of " + std::to_string(each) +
                                " bytes are more than any memory holds; ask for fewer");
        }
        return rows * each;
    }

    /// Makes ready for one pass over `segments`, whose tokens are packed one segment after another.
    ///
    /// errors   ArgumentError in one sentence when a segment is empty, is read or stored beyond the last row, reaches
    ///          beyond the model's context, or is stored where another is read or stored
    void begin(std::span<const Segment> segments) {
        ids_.clear();
        positions_.clear();
        packed_.clear();
        stored_.clear();
        for (std::size_t i = 0; i < segments.size(); ++i) add(segments[i], i);
        refuse_overlaps();
    }

    /// Of the pass that was begun, one for each of its tokens.
    [[nodiscard]] std::span<const Token> ids() const { return ids_; }
    [[nodiscard]] std::span<const std::size_t> positions() const { return positions_; }

    /// Lists that passes fill, kept so that a pass like an earlier one allocates nothing.
    struct Lists {
        std::vector<std::size_t> order;   ///< of what is wanted, by row
        std::vector<std::size_t> rows;    ///< each once
        std::vector<std::size_t> firsts;  ///< of each row in `order`
        std::vector<Token> targets;
        std::vector<typename M::Compute> losses;
    };
    [[nodiscard]] Lists& lists() { return lists_; }

    /// What the layers call in this pass. Stays valid until this moves.
    [[nodiscard]] PackedAttentions attentions() {
        PackedAttentions all{};
        std::apply([&](auto&... one) { (all.add(one), ...); }, block_attentions_);
        return all;
    }
    /// What follows is in block `index`.
    void enter_block(std::size_t index) {
        std::byte* next = memory_.data();  // where what is kept in the next scalar begins
        const auto enter = [&]<class Scalar>(BlockAttention<Backend, Scalar>& one) {
            constexpr std::size_t scalars = announced_in<Scalar>(kept);
            Scalar* const keys_values = reinterpret_cast<Scalar*>(next) + index * rows_ * scalars;
            one.enter_block(*backend_, packed_, !stored_.empty(), keys_values, rows_, scalars);
            next += M::architecture.layers * rows_ * scalars * sizeof(Scalar);
        };
        std::apply([&](auto&... one) { (enter(one), ...); }, block_attentions_);
    }
    /// errors   Error when not every layer that announces keys and values asked for them
    void leave_block() const {
        std::apply([](const auto&... one) { (one.leave_block(), ...); }, block_attentions_);
    }

    [[nodiscard]] std::size_t rows() const { return rows_; }

private:
    /// Rows that a segment is stored in.
    struct Range {
        std::size_t first;
        std::size_t last;  ///< one past
        std::size_t segment;
    };

    [[noreturn]] static void refuse(std::size_t segment, const std::string& problem) {
        throw ArgumentError("lamina: cached pass: segment " + std::to_string(segment) + " " + problem);
    }

    void add(const Segment& segment, std::size_t index) {
        const std::size_t count = segment.tokens.size();
        const CachedPrefix prefix = segment.prefix.length == 0 ? CachedPrefix{} : segment.prefix;
        if (count == 0) refuse(index, "has no tokens, expected at least one");
        if (prefix.length > rows_ || prefix.row > rows_ - prefix.length) {
            refuse(index, "continues " + std::to_string(prefix.length) + " tokens from row " +
                              std::to_string(prefix.row) + " on, but the cache has " + std::to_string(rows_) + " rows");
        }
        constexpr std::size_t context = M::architecture.context;
        if (prefix.length > context || count > context - prefix.length) {
            refuse(index, "ends after " + std::to_string(prefix.length + count) + " tokens, expected at most " +
                              std::to_string(context) + ", the context of the model");
        }
        if (segment.store_at) {
            if (count > rows_ || *segment.store_at > rows_ - count) {
                refuse(index, "stores " + std::to_string(count) + " tokens from row " +
                                  std::to_string(*segment.store_at) + " on, but the cache has " +
                                  std::to_string(rows_) + " rows; make it larger");
            }
            stored_.push_back({*segment.store_at, *segment.store_at + count, index});
        }
        packed_.push_back({.first = ids_.size(),
                           .count = count,
                           .prefix_first = prefix.row,
                           .prefix_count = prefix.length,
                           .store_first = segment.store_at.value_or(PackedSegment::not_stored)});
        ids_.insert(ids_.end(), segment.tokens.begin(), segment.tokens.end());
        for (std::size_t i = 0; i < count; ++i) positions_.push_back(prefix.length + i);
    }

    void refuse_overlaps() {
        if (stored_.empty()) return;
        std::sort(stored_.begin(), stored_.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
        for (std::size_t i = 1; i < stored_.size(); ++i) {
            if (stored_[i].first < stored_[i - 1].last) {
                refuse(stored_[i].segment, "is stored where segment " + std::to_string(stored_[i - 1].segment) +
                                               " is; give each rows of its own");
            }
        }
        for (std::size_t i = 0; i < packed_.size(); ++i) {
            const PackedSegment& segment = packed_[i];
            if (segment.prefix_count == 0) continue;
            // The first range that ends after the prefix begins is the only one that need be looked at: they are apart.
            const auto range =
                std::upper_bound(stored_.begin(), stored_.end(), segment.prefix_first,
                                 [](std::size_t row, const Range& candidate) { return row < candidate.last; });
            if (range != stored_.end() && range->first < segment.prefix_first + segment.prefix_count) {
                refuse(range->segment, "is stored where segment " + std::to_string(i) +
                                           " is read in the same pass; give it rows of its own, or a pass of its own");
            }
        }
    }

    Backend* backend_;
    std::size_t rows_;
    typename Backend::Memory memory_;
    std::vector<Token> ids_{};
    std::vector<std::size_t> positions_{};
    std::vector<PackedSegment> packed_{};
    std::vector<Range> stored_{};
    Lists lists_{};
    BlockAttentions block_attentions_{};
};

}  // namespace lamina::detail
