// SPDX-License-Identifier: MIT
// A head that is padded for its products, in files: nobody sees that it was.
#include <lamina/io/huggingface.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/train/adamw.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace lamina;
using namespace lamina_tests;

namespace {

class PaddingBackend : public CpuBackend {
public:
    static constexpr std::size_t vocabulary_multiple = 32;
    PaddingBackend() : CpuBackend({.threads = 1}) {}
};

struct Padding {
    using answers = question::Device;
};

constexpr Architecture odd{.layers = 1, .heads = 1, .embed = 8, .context = 8, .vocab = 33};

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

template <>
struct lamina::BackendOf<Padding> {
    using type = PaddingBackend;
};

TEMPLATE_TEST_CASE("a padded head is saved and loaded without its padding", "[io]", head::Tied, head::Untied) {
    using Padded = Gpt2<odd, TestType, Padding>;
    using Plain = Gpt2<odd, TestType>;
    STATIC_REQUIRE(Manifest<Padded>::parameters == Manifest<Plain>::parameters);
    const ScratchFolder folder;
    const std::array<Token, 4> inputs{0, 7, 32, 31};
    const std::array<Token, 4> targets{7, 32, 31, 0};
    const TokenBatch batch{inputs, targets, 4};

    PaddingBackend padding;
    Padded trained(padding);
    trained.initialise(1);
    train::AdamW optimiser(trained);
    for (int step = 0; step < 3; ++step) {
        trained.zero_gradients();
        trained.forward_backward(batch);
        optimiser.step(trained, 0.1);
    }
    io::save_gpt2(trained, folder.path() / "padded");

    CpuBackend cpu;
    Plain plain(cpu);
    io::load_gpt2(plain, folder.path() / "padded");
    CHECK(plain.evaluate(batch).sum == Approx(trained.evaluate(batch).sum).epsilon(1e-5));
    io::save_gpt2(plain, folder.path() / "plain");
    CHECK(bytes_of(folder.path() / "plain/model.safetensors") == bytes_of(folder.path() / "padded/model.safetensors"));

    Padded again(padding);
    io::load_gpt2(again, folder.path() / "plain");
    CHECK(again.evaluate(batch).sum == trained.evaluate(batch).sum);
}
