// SPDX-License-Identifier: MIT
#include <lamina/nn/run/workspace.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

constexpr Architecture tiny{3, 2, 8, 6, 11};
constexpr Extent extent{2, 5};
using Model = Gpt2<tiny, norm::Removable>;
using Recomputing = Gpt2<tiny, norm::Removable, recompute::PerBlock>;

template <class M>
constexpr WorkspaceBytes bytes(Use use) {
    static_assert(sizeof(M) != 0);  // a model contains its workspace, so it comes first
    return Workspace<M>::bytes(extent, use);
}

constexpr std::size_t stream = aligned_size(10 * 8 * sizeof(float));
constexpr std::size_t block = saved_bytes<Model::Block::Saved>(10);
constexpr std::size_t last = saved_bytes<Model::FinalNorm::Saved>(10);

}  // namespace

TEST_CASE("training keeps every residual stream, two gradients and what every block saves", "[nn]") {
    STATIC_REQUIRE(bytes<Model>(Use::train).streams == 7 * stream + 2 * aligned_size(10 * sizeof(float)));
    STATIC_REQUIRE(bytes<Model>(Use::train).saved == 3 * block + last);
}

TEST_CASE("recomputing keeps what one block saves", "[nn]") {
    STATIC_REQUIRE(bytes<Recomputing>(Use::train).saved == block + last);
    STATIC_REQUIRE(bytes<Recomputing>(Use::train).streams == bytes<Model>(Use::train).streams);
}

TEST_CASE("evaluation keeps two streams and one block however deep the model", "[nn]") {
    STATIC_REQUIRE(bytes<Model>(Use::evaluate).streams == 3 * stream);
    STATIC_REQUIRE(bytes<Model>(Use::evaluate).saved == block + last);
}

TEST_CASE("every token may have a loss, and every norm two numbers", "[nn]") {
    STATIC_REQUIRE(Workspace<Model>::measured_numbers == 2 * (3 * 2 + 1));
    STATIC_REQUIRE(bytes<Model>(Use::train).results ==
                   aligned_size(10 * sizeof(float)) + aligned_size(14 * sizeof(double)));
    STATIC_REQUIRE(measured_numbers_of<Gpt2<tiny>::Block>() == 0);
}

TEST_CASE("the logits of at most one chunk exist", "[nn]") {
    static constexpr Architecture wide{1, 1, 8, 1024, 11};
    constexpr auto head = [](std::size_t tokens) {
        static_assert(sizeof(Gpt2<wide>) != 0);
        return Workspace<Gpt2<wide>>::bytes({1, tokens}, Use::evaluate).head;
    };
    constexpr std::size_t chunk = CpuBackend::logits_rows(wide.vocab);
    STATIC_REQUIRE(head(chunk / 2) < head(chunk));
    STATIC_REQUIRE(head(1024) == head(chunk));
}

TEST_CASE("rows of logits begin at whole lines of memory", "[nn]") {
    STATIC_REQUIRE(logits_stride_of(50257) == 50304);
    STATIC_REQUIRE(logits_stride_of(64) == 64);
    STATIC_REQUIRE(Workspace<Model>::logits_stride == logits_stride_of(11));
}

TEST_CASE("the views lie in the memory that was counted, aligned and apart", "[nn]") {
    const std::size_t total = bytes<Model>(Use::train).total();
    std::vector<std::byte> memory(total + tensor_alignment);
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    std::byte* const start = memory.data() + (aligned_size(address) - address);
    Workspace<Model> workspace;
    CHECK(workspace.place(start, extent, Use::train).total() == total);

    std::vector<const void*> places{workspace.ids.data, workspace.targets.data, workspace.rows.data,
                                    workspace.measured.data, workspace.losses.data};
    CHECK(workspace.indices.data() == static_cast<const void*>(workspace.ids.data));
    CHECK(workspace.indices.data() + workspace.indices.size() == workspace.results.data());
    CHECK(workspace.results.data() == static_cast<const void*>(workspace.measured.data));
    CHECK(workspace.results.data() + workspace.results.size() == static_cast<const void*>(workspace.streams[0].data));
    for (const auto& view : workspace.streams) places.push_back(view.data);
    places.push_back(workspace.normalised.data);
    for (const auto& view : workspace.d_streams) places.push_back(view.data);
    places.push_back(workspace.mean.data);
    places.push_back(workspace.deviation.data);
    for (auto& saved : workspace.saved) {
        detail::for_each_view(saved, [&](const auto& view) { places.push_back(view.data); });
    }
    detail::for_each_view(workspace.final_saved, [&](const auto& view) { places.push_back(view.data); });
    places.push_back(workspace.scratch.data());
    for (std::size_t i = 0; i < places.size(); ++i) {
        CHECK(reinterpret_cast<std::uintptr_t>(places[i]) % tensor_alignment == 0);
        CHECK((places[i] >= start && places[i] < start + total));
        if (i > 0) CHECK(places[i - 1] < places[i]);
    }
}

TEST_CASE("a workspace that is placed again for less wants nothing of what it had", "[nn]") {
    using Mixed = Gpt2<tiny, precision::MixedBf16>;
    std::vector<std::byte> memory(bytes<Mixed>(Use::train).total() + tensor_alignment);
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    std::byte* const start = memory.data() + (aligned_size(address) - address);
    Workspace<Mixed> workspace;
    workspace.place(start, extent, Use::train);
    CHECK_FALSE(workspace.d_logits_of(1).empty());
    workspace.place(start, extent, Use::evaluate);
    CHECK(workspace.d_logits_of(1).empty());
    CHECK(workspace.d_head_in.empty());
    CHECK(workspace.mean.empty());
    CHECK(workspace.d_streams[0].empty());
    CHECK_FALSE(workspace.head_in.empty());
}
