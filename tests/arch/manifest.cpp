// SPDX-License-Identifier: MIT
#include <lamina/arch/manifest.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "arch/sample_tree.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

using Table = Manifest<SampleTree>;

static_assert(aligned_size(0) == 0 && aligned_size(1) == 64 && aligned_size(64) == 64 && aligned_size(65) == 128);

static_assert(Table::entries.size() == 8);
static_assert(Table::parameters == 35 + 2 * (5 + 15 + 6) + 5);
static_assert(Table::trainable_parameters == 2 * (5 + 6) + 5);
static_assert(Table::parameters_of(Role::embedding) == 35);
static_assert(Table::parameters_of(Role::weight) == 30);
static_assert(Table::parameters_of(Role::norm) == 15);
static_assert(Table::parameters_of(Role::adapter) == 12);
static_assert(Table::parameters_of(Role::head) == 0);

// One region per role, each tensor on a cache line of its own: 7·5 bf16 are 70 bytes, 3·5 are 30, 3·2 doubles are 48.
static_assert(Table::bytes_of(Role::embedding) == 128);
static_assert(Table::bytes_of(Role::weight) == 2 * 64);
static_assert(Table::bytes_of(Role::adapter) == 2 * 64);
static_assert(Table::gradient_elements_of(Role::norm) == 3 * 64);
static_assert(Table::gradient_elements_of(Role::weight) == 0, "frozen");

// A model shows its layers as one type.
struct Model {
    using Layers = SampleTree;
};
static_assert(Manifest<Model>::parameters == Table::parameters);
static_assert(Manifest<SampleNorm>::parameters == 5);

TEST_CASE("the manifest has the names, shapes and roles of the walk in its order", "[arch]") {
    SampleTree tree;
    std::size_t place = 0;
    for_each_parameter(tree, [&](const std::string& name, auto& parameter) {
        const TensorEntry& entry = Table::entries.at(place++);
        CHECK(entry.name() == name);
        CHECK(std::vector<std::size_t>(entry.shape.begin(), entry.shape.begin() + static_cast<int>(entry.rank)) ==
              std::vector<std::size_t>(parameter.shape.begin(), parameter.shape.end()));
        CHECK(entry.size == parameter.size);
        CHECK((entry.rows() == parameter.rows && entry.cols() == parameter.cols));
        CHECK(entry.initial == parameter.initial);
        CHECK(entry.role == parameter.role);
        CHECK(entry.part == parameter.part);
        CHECK(entry.trains == parameter.trains);
    });
    CHECK(place == Table::entries.size());
}

TEST_CASE("an entry knows its scalar type and its bytes", "[arch]") {
    const TensorEntry& table = Table::entries.front();
    CHECK(table.type == scalar_type_of<bf16>);
    CHECK(table.bytes() == 70);
    CHECK(Table::entries.at(3).type == scalar_type_of<double>);
    CHECK(Table::entries.at(3).bytes() == 48);
}

TEST_CASE("an entry knows its block and its layer", "[arch]") {
    // table, then twice the norm's gain and the linear layer's weight and a, then the last gain.
    std::vector<std::string> layers;
    std::vector<std::size_t> numbers;
    std::vector<bool> repeated;
    for (const TensorEntry& entry : Table::entries) {
        layers.push_back(entry.layer_name());
        numbers.push_back(entry.layer);
        repeated.push_back(entry.repeated);
        CHECK((entry.index == 1) == (&entry >= &Table::entries[4] && &entry < &Table::entries[7]));
    }
    CHECK(layers ==
          std::vector<std::string>{"", "h.0", "h.0.linear", "h.0.linear", "h.1", "h.1.linear", "h.1.linear", "last"});
    // The tree is layer 0, a block is one before its members.
    CHECK(numbers == std::vector<std::size_t>{0, 2, 3, 3, 5, 6, 6, 7});
    CHECK(repeated == std::vector<bool>{false, true, true, true, true, true, true, false});
    CHECK(Table::entries[6].layer_in_group() == "linear");
}

TEST_CASE("tensors of one role follow each other without overlap on aligned places", "[arch]") {
    for (const Role role : all_roles) {
        std::size_t next = 0;
        std::size_t next_gradient = 0;
        for (const TensorEntry& entry : Table::entries) {
            if (entry.role != role) continue;
            CHECK(entry.offset == next);
            CHECK(entry.offset % tensor_alignment == 0);
            if (entry.trains) CHECK((entry.gradient_offset == next_gradient && entry.moment_offset == next_gradient));
            CHECK(!entry.streams);
            next += aligned_size(entry.bytes());
            if (entry.trains) next_gradient += aligned_size(entry.size);
        }
        CHECK(Table::bytes_of(role) == next);
        CHECK(Table::gradient_elements_of(role) == next_gradient);
        CHECK(Table::moment_elements_of(role) == next_gradient);
    }
}

namespace {

struct EverythingTrains : SamplePolicies {
    [[nodiscard]] static constexpr bool trains(Role) { return true; }
};
struct HalfFrozen {
    SampleParameter<Role::weight, 300> frozen{};
    Parameter<EverythingTrains, Role::weight, 3> training{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("frozen", frozen);
        visitor("training", training);
    }
};

struct PaddedBetweenOthers {
    Parameter<EverythingTrains, Role::weight, 3> before{};
    PaddedMatrix<EverythingTrains, Role::weight, 11, 7, 40> padded{};
    Parameter<EverythingTrains, Role::weight, 3> behind{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("before", before);
        visitor("padded", padded);
        visitor("behind", behind);
    }
};

struct MisnamedLinear {
    SampleParameter<Role::weight, 3, 5> weight{};
    Bias<SamplePolicies, Role::weight, 5> bias{};
    LoraB<SamplePolicies, 2, 5> b{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("bias_mixer", weight);
        visitor("offset", bias);
        visitor("lora_A", b);
    }
};

/// Forms the gradients of a, [3, 2] and of b, [2, 40]; its gain has a stored one.
struct StreamingLinear {
    static constexpr bool streams_adapter_gradients = true;
    SampleParameter<Role::norm, 5> gain{};
    SampleParameter<Role::adapter, 3, 2> a{};
    SampleParameter<Role::adapter, 2, 40> b{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("gain", gain);
        visitor("a", a);
        visitor("b", b);
    }
};
/// Adapters of both kinds side by side.
struct StreamingTree {
    SampleLinear first{};
    std::array<StreamingLinear, 2> blocks{};
    SampleLinear last{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("first", first);
        visitor("h", blocks);
        visitor("last", last);
    }
};

}  // namespace

TEST_CASE("what a tensor does is what its layer declares, not what it is called", "[arch]") {
    using Misnamed = Manifest<MisnamedLinear>;
    CHECK(Misnamed::entries[0].name() == "bias_mixer");
    CHECK(Misnamed::entries[0].part == Part::weight);
    CHECK(Misnamed::entries[1].name() == "offset");
    CHECK(Misnamed::entries[1].part == Part::bias);
    CHECK(Misnamed::entries[2].part == Part::lora_b);
}

TEST_CASE("what is frozen takes no place among the gradients of a role that trains elsewhere", "[arch]") {
    STATIC_REQUIRE(Manifest<HalfFrozen>::entries[1].gradient_offset == 0);
    STATIC_REQUIRE(Manifest<HalfFrozen>::gradient_elements_of(Role::weight) == 64);
    STATIC_REQUIRE(Manifest<HalfFrozen>::trainable_parameters == 3);
}

TEST_CASE("gradients that are streamed share one place, their moments have one each", "[arch]") {
    using Streaming = Manifest<StreamingTree>;
    std::vector<std::size_t> gradients;
    std::vector<std::size_t> moments;
    std::vector<bool> streams;
    for (const TensorEntry& entry : Streaming::entries) {
        if (entry.role != Role::adapter) {
            CHECK(!entry.streams);
            continue;
        }
        gradients.push_back(entry.gradient_offset);
        moments.push_back(entry.moment_offset);
        streams.push_back(entry.streams);
    }
    // 6 elements take 64 places, 80 take 128.
    CHECK(streams == std::vector<bool>{false, true, true, true, true, false});
    CHECK(gradients == std::vector<std::size_t>{0, 0, 64, 0, 64, 64});
    CHECK(moments == std::vector<std::size_t>{0, 64, 128, 256, 320, 448});
    STATIC_REQUIRE(Streaming::streamed_gradient_elements == 64 + 128);
    STATIC_REQUIRE(Streaming::gradient_elements_of(Role::adapter) == 2 * 64);
    STATIC_REQUIRE(Streaming::gradient_elements == 2 * 64 + 192 + 2 * 64);
    STATIC_REQUIRE(Streaming::moment_elements_of(Role::adapter) == 512);
    STATIC_REQUIRE(Streaming::moment_elements_of(Role::norm) == Streaming::gradient_elements_of(Role::norm));
    STATIC_REQUIRE((Table::streamed_gradient_elements == 0 && Table::gradient_elements == (3 + 2) * 64));
}

TEST_CASE("padding is memory between a tensor and the next, of values and gradients, and nothing else", "[arch]") {
    using Padding = Manifest<PaddedBetweenOthers>;
    constexpr const auto& entries = Padding::entries;
    STATIC_REQUIRE((entries[1].size == 77 && entries[1].padding == 29 * 7 && entries[0].padding == 0));
    STATIC_REQUIRE((entries[1].rows() == 11 && entries[1].cols() == 7));
    STATIC_REQUIRE((entries[1].bytes() == 2 * 77 && entries[1].padded_bytes() == 2 * 280));
    STATIC_REQUIRE(entries[2].offset == entries[1].offset + aligned_size(2 * 280));
    STATIC_REQUIRE(entries[2].gradient_offset == entries[1].gradient_offset + aligned_size(280));
    STATIC_REQUIRE(entries[2].moment_offset == entries[1].moment_offset + aligned_size(77));
    STATIC_REQUIRE(Padding::bytes_of(Role::weight) == 64 + 576 + 64);
    STATIC_REQUIRE(Padding::gradient_elements_of(Role::weight) == 64 + 320 + 64);
    STATIC_REQUIRE(Padding::moment_elements_of(Role::weight) == 64 + 128 + 64);
    STATIC_REQUIRE((Padding::parameters == 83 && Padding::trainable_parameters == 83));
    STATIC_REQUIRE(Padding::parameters_of(Role::weight) == 83);
}
