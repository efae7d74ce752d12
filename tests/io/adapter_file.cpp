// SPDX-License-Identifier: MIT
#include <lamina/io/adapter_file.hpp>

#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 4, .context = 5, .vocab = 7};
constexpr Architecture mid{.layers = 3, .heads = 4, .embed = 24, .context = 24, .vocab = 97};

using LowRank = Gpt2<tiny, adapter::Lora<3, 6>>;
using FullRank = Gpt2<tiny, adapter::FullRank, precision::AllBf16>;

static_assert(AdaptedModel<LowRank>);
static_assert(!AdaptedModel<Gpt2<tiny>>, "there is nothing to save");
static_assert(!AdaptedModel<int>);

/// The elements of every tensor, adapters or all others, one after another.
template <class M>
std::string bytes_of_model(M& model, bool adapters) {
    std::string bytes;
    model.for_each_tensor([&](const auto& tensor) {
        if ((tensor.entry.role == Role::adapter) != adapters) return;
        std::string part(tensor.entry.size * sizeof *tensor.values.data, '\0');
        model.backend().download(part.data(), tensor.values.data, part.size());
        bytes += part;
    });
    return bytes;
}

struct Floats {
    std::vector<std::size_t> shape;
    std::vector<float> values;
};

/// What loading says of a saved adapter after its tensors, kept as floats, were edited.
std::string complaint(const std::function<void(std::map<std::string, Floats>&, SafetensorsMetadata&)>& edit,
                      NonFinite non_finite = NonFinite::refuse) {
    const ScratchFolder folder;
    const auto path = folder / "adapter.safetensors";
    CpuBackend backend({.threads = 1});
    LowRank model(backend);
    model.initialise(3);
    save_adapter(model, path);
    std::map<std::string, Floats> tensors;
    SafetensorsMetadata metadata;
    {
        const SafetensorsFile file(path);
        metadata = file.metadata();
        for (const StoredTensor& tensor : file.tensors()) {
            Floats& copy = tensors[tensor.name];
            copy.shape.assign(tensor.shape.begin(), tensor.shape.end());
            copy.values.resize(tensor.size());
            file.read_into(tensor.name, std::span(copy.values));
        }
    }
    edit(tensors, metadata);
    std::vector<TensorToWrite> list;
    for (const auto& [name, tensor] : tensors) {
        list.push_back(tensor_to_write(name, tensor.shape, std::span<const float>(tensor.values)));
    }
    write_safetensors(path, list, metadata);
    return error_text([&] { load_adapter(model, path, {.non_finite = non_finite}); }, path);
}

std::string base_weights_of(const SafetensorsFile& file) {
    for (const auto& [key, value] : file.metadata()) {
        if (key == "base_weights") return value;
    }
    return "";
}

}  // namespace

TEST_CASE("an adapter comes back bit by bit, and nothing else of the model changes") {
    const ScratchFolder folder;
    const auto path = folder / "adapter.safetensors";
    CpuBackend backend({.threads = 1});
    const auto check = [&]<class M>(M& saved, M& loaded) {
        saved.initialise(3);
        loaded.initialise(4);
        const std::string others = bytes_of_model(loaded, false);
        REQUIRE(bytes_of_model(saved, false) != others);
        save_adapter(saved, path);
        load_adapter(loaded, path, {.other_base = OtherBase::allow});
        CHECK(bytes_of_model(saved, true) == bytes_of_model(loaded, true));
        CHECK(bytes_of_model(loaded, false) == others);
    };
    LowRank first(backend);
    LowRank second(backend);
    check(first, second);
    FullRank third(backend);
    FullRank fourth(backend);
    check(third, fourth);
    CHECK(folder.entries() == 1);
}

TEST_CASE("an adapter file holds A and B as [in, rank] and [rank, out], and what they are for") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    LowRank low_rank(backend);
    save_adapter(low_rank, folder / "low", {.base_model = "gpt2"});
    const SafetensorsFile low(folder / "low");
    CHECK(low.metadata() == SafetensorsMetadata{{"format", "pt"},
                                                {"rank", "3"},
                                                {"alpha", "6"},
                                                {"base_weights", base_weights_of(low)},
                                                {"base_model", "gpt2"}});
    CHECK(base_weights_of(low).starts_with("embedding F32 "));
    CHECK(base_weights_of(low).find(", weight F32 ") != std::string::npos);
    CHECK(base_weights_of(low).find(", norm F32 ") != std::string::npos);
    CHECK(low.tensors().size() == 16);
    CHECK_NOTHROW(low.tensor("h.1.mlp.c_proj.lora_A", std::vector<std::size_t>{16, 3}));
    CHECK_NOTHROW(low.tensor("h.0.attn.c_attn.lora_B", std::vector<std::size_t>{3, 12}));

    FullRank full_rank(backend);
    save_adapter(full_rank, folder / "full");
    const SafetensorsFile full(folder / "full");
    CHECK(full.metadata() ==
          SafetensorsMetadata{
              {"format", "pt"}, {"rank", "full"}, {"alpha", "full"}, {"base_weights", base_weights_of(full)}});
    CHECK(base_weights_of(full).find(", weight BF16 ") != std::string::npos);
    CHECK(full.tensor("h.0.mlp.c_proj.lora_A").shape == std::vector<std::size_t>{16, 16});
    CHECK(full.tensor("h.0.mlp.c_proj.lora_A").type == ScalarType::bf16);
}

TEST_CASE("adapters that PyTorch wrote under the same names load") {
    CpuBackend backend({.threads = 1});
    Gpt2<mid, adapter::Lora<4>> model(backend);
    load_adapter(model,
                 std::filesystem::path(LAMINA_TESTS_DIR) / "golden" / "gradients" / "adapters_rank4.safetensors");
    const auto& factor = model.layers().blocks[0].get<0>().inner.inner.c_attn.adapter.a;
    CHECK(backend.run(SumOfSquares(factor.values)) > 0);
}

TEST_CASE("an adapter of another model is refused by what differs first") {
    using Tensors = std::map<std::string, Floats>;
    CHECK(complaint([](Tensors&, SafetensorsMetadata& metadata) { metadata.at(1).second = "8"; }) ==
          R"(metadata "rank" is "8", expected "3")");
    CHECK(complaint([](Tensors&, SafetensorsMetadata& metadata) { metadata.at(2).second = "3"; }) ==
          R"(metadata "alpha" is "3", expected "6")");
    CHECK(complaint([](Tensors&, SafetensorsMetadata& metadata) { metadata.clear(); }) == "no error");
    CHECK(complaint([](Tensors& tensors, SafetensorsMetadata&) { tensors.erase("h.1.attn.c_proj.lora_B"); }) ==
          R"(has no tensor "h.1.attn.c_proj.lora_B")");
    CHECK(complaint([](Tensors& tensors, SafetensorsMetadata&) {
              tensors["h.2.x"] = {{1}, {0}};
          }) == R"(tensor "h.2.x" is none of the model's adapters)");
    CHECK(complaint([](Tensors& tensors, SafetensorsMetadata&) {
              tensors["h.0.mlp.c_fc.lora_A"].shape = {3, 4};
          }) == R"(tensor "h.0.mlp.c_fc.lora_A" has shape [3, 4], expected [4, 3])");
    const auto spoil = [](Tensors& tensors, SafetensorsMetadata&) {
        tensors["h.0.mlp.c_fc.lora_B"].values[2] = std::numeric_limits<float>::quiet_NaN();
    };
    CHECK(complaint(spoil) == R"(tensor "h.0.mlp.c_fc.lora_B" has NaN at element 2, expected finite numbers)");
    CHECK(complaint(spoil, NonFinite::allow) == "no error");
}

TEST_CASE("an adapter goes on the weights that it was saved on, unless told otherwise") {
    const ScratchFolder folder;
    const auto path = folder / "adapter.safetensors";
    CpuBackend backend({.threads = 1});
    LowRank model(backend);
    model.initialise(3);
    save_adapter(model, path);
    LowRank other(backend);
    other.initialise(4);
    save_adapter(model, folder / "without", {.base_weights = false});
    CHECK_NOTHROW(load_adapter(other, folder / "without"));
    const std::string saved_on = base_weights_of(SafetensorsFile(path));
    const auto refused_after = [&](const std::string& name, const std::function<void(float*)>& edit) {
        other.initialise(3);
        CHECK_NOTHROW(load_adapter(other, path));
        other.for_each_tensor([&](const auto& tensor) {
            if (tensor.entry.name() == name) edit(tensor.values.data);
        });
        const std::string error = error_text([&] { load_adapter(other, path); }, path);
        CHECK_THAT(error,
                   Catch::Matchers::StartsWith("metadata \"base_weights\" is \"" + saved_on + "\", expected \""));
        CHECK_THAT(error,
                   Catch::Matchers::EndsWith("; load the weights that the adapter was trained on, and before it"));
        CHECK_NOTHROW(load_adapter(other, path, {.other_base = OtherBase::allow}));
        const std::size_t expected = error.find("expected \"") + 10;
        return error.substr(expected, error.find(' ', expected) - expected);
    };
    CHECK(refused_after("h.1.mlp.c_proj.weight", [](float* values) { values[7] += 0.5F; }) == "weight");
    CHECK(refused_after("wpe.weight", [](float* values) { values[0] += 0.5F; }) == "embedding");
    CHECK(refused_after("h.0.ln_1.weight", [](float* values) { values[1] = 2; }) == "norm");
    CHECK(refused_after("ln_f.bias", [](float* values) { values[3] = 2; }) == "norm");
    // Two signs at odd places: the top bits of two words.
    CHECK(refused_after("h.1.mlp.c_proj.weight", [](float* values) {
              values[1] = -values[1];
              values[5] = -values[5];
          }) == "weight");

    Gpt2<tiny, adapter::Lora<3, 6>, trainable::Roles<Role::adapter, Role::embedding>> trains_embeddings(backend);
    trains_embeddings.initialise(3);
    save_adapter(trains_embeddings, folder / "embeddings");
    CHECK(base_weights_of(SafetensorsFile(folder / "embeddings")) == saved_on.substr(saved_on.find("weight")));
    other.initialise(3);
    other.for_each_tensor([](const auto& tensor) {
        if (tensor.entry.name() == "wte.weight") tensor.values.data[0] += 0.5F;
    });
    CHECK_NOTHROW(load_adapter(other, folder / "embeddings"));

    Gpt2<tiny, adapter::Lora<3, 6>, precision::AllBf16> of_another_type(backend);
    of_another_type.initialise(5);
    CHECK_NOTHROW(load_adapter(of_another_type, path));
}
