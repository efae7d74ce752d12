// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/algorithms.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <lamina/backend/cuda/blas.hpp>
#include <lamina/core/bfloat16.hpp>

#include "backend/cuda/priced_products.hpp"
#include "backend/cuda/product_matrices.hpp"
#include "cuda_emulation/cublaslt.hpp"
#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

namespace {

// Sums of 200 terms, which the library's algorithms add up in different orders.
using Matrices = lamina_tests::ProductMatrices<200>;

std::set<std::uint64_t> algorithms_run() {
    std::set<std::uint64_t> result;
    for (const auto& call : emulator::library_calls()) result.insert(call.algorithm);
    return result;
}

/// The library's algorithms, as the emulator numbers them: this one adds partial sums in any order.
constexpr std::uint64_t in_place_reduction = 14;

}  // namespace

TEST_CASE("candidates are timed once, those only whose bits are the same each time", "[cuda][algorithms]") {
    Context context(0);
    Blas blas(context, FloatProducts::fp32, Choice::timed);
    const Matrices matrices;
    emulator::forget_library_calls();
    REQUIRE(blas.multiply(matrices.product()));
    const auto candidates = algorithms_run();
    CHECK(candidates.size() == 4);
    CHECK(candidates.count(in_place_reduction) == 0);
    CHECK(emulator::library_calls().size() == 4 * 7 + 1);
    const std::uint64_t chosen = emulator::library_calls().back().algorithm;
    const auto values = matrices.out.values();

    emulator::forget_library_calls();
    REQUIRE(blas.multiply(matrices.product()));
    REQUIRE(emulator::library_calls().size() == 1);
    CHECK(emulator::library_calls()[0].algorithm == chosen);
    CHECK(matrices.out.values() == values);
}

TEST_CASE("timing leaves an output alone that is added to", "[cuda][algorithms]") {
    const Matrices matrices;
    Context context(0);
    Blas plain(context, FloatProducts::fp32, Choice::first);
    REQUIRE(plain.multiply(matrices.product()));
    const auto product = matrices.out.values();

    Blas blas(context, FloatProducts::fp32, Choice::timed);
    std::copy(matrices.base.data(), matrices.base.data() + 8 * 24, matrices.out.data());
    const std::size_t before = emulator::bytes_in_use();
    emulator::forget_library_calls();
    REQUIRE(blas.multiply(matrices.accumulating()));
    const auto& calls = emulator::library_calls();
    REQUIRE(calls.size() > 7);
    CHECK(std::all_of(calls.begin(), calls.end() - 1, [&](const auto& call) {
        return call.d != matrices.out.data() && call.c == call.d && call.beta == 1;
    }));
    CHECK(calls.back().d == matrices.out.data());
    CHECK(emulator::bytes_in_use() == before);  // what it was timed in is gone
    const auto sum = matrices.out.values();
    for (std::size_t i = 0; i < sum.size(); ++i) {
        CHECK(sum[i] == Approx(matrices.base.values()[i] + product[i]).margin(1e-5));
    }
}

TEST_CASE("a base elsewhere is read as it is while candidates are timed", "[cuda][algorithms]") {
    const Matrices matrices;
    Context context(0);
    Blas blas(context, FloatProducts::fp32, Choice::timed);
    const auto base = matrices.base.values();
    Product product = matrices.product();
    product.base = matrices.base.view();
    emulator::forget_library_calls();
    REQUIRE(blas.multiply(product));
    const auto& calls = emulator::library_calls();
    CHECK(std::all_of(calls.begin(), calls.end(), [&](const auto& call) { return call.c == matrices.base.data(); }));
    CHECK(matrices.base.values() == base);
}

TEST_CASE("without timing the library's first candidate is used", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    Blas blas(context, FloatProducts::fp32, Choice::first);
    emulator::forget_library_calls();
    REQUIRE(blas.multiply(matrices.product()));
    CHECK(emulator::library_calls().size() == 1);

    blas.set_choice(Choice::timed);
    REQUIRE(blas.multiply(matrices.product()));  // its algorithm is chosen already
    CHECK(emulator::library_calls().size() == 2);
    REQUIRE(blas.multiply(matrices.accumulating()));
    CHECK(emulator::library_calls().size() > 3);
}

TEST_CASE("nothing is timed while work is recorded, and what was chosen stays", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    Blas blas(context, FloatProducts::fp32, Choice::timed);
    static_cast<void>(context.scratch<std::byte>(Scratch::library, library_workspace_bytes));
    emulator::forget_library_calls();
    context.recording = true;
    REQUIRE(blas.multiply(matrices.product()));
    context.recording = false;
    CHECK(emulator::library_calls().size() == 1);
    REQUIRE(blas.multiply(matrices.product()));
    CHECK(emulator::library_calls().size() == 2);
    CHECK(algorithms_run().size() == 1);
}

TEST_CASE("with no memory to time in, the library's first candidate is used", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    Blas blas(context, FloatProducts::fp32, Choice::timed);
    static_cast<void>(context.scratch<std::byte>(Scratch::library, library_workspace_bytes));
    emulator::set_memory_limit(emulator::bytes_in_use() + 100);
    emulator::forget_library_calls();
    CHECK(blas.multiply(matrices.accumulating()));
    CHECK(emulator::library_calls().size() == 1);
    emulator::set_memory_limit(std::size_t{8} << 30U);
    CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("a table of algorithms makes the same bits in another run", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    std::string table;
    std::uint64_t chosen = 0;
    std::vector<double> values;
    {
        Blas blas(context, FloatProducts::fp32, Choice::timed);
        REQUIRE(blas.multiply(matrices.product()));
        REQUIRE(blas.multiply(matrices.accumulating()));
        REQUIRE(blas.multiply(matrices.product()));
        chosen = emulator::library_calls().back().algorithm;
        values = matrices.out.values();
        table = blas.exported_algorithms();
    }
    CHECK(std::count(table.begin(), table.end(), '\n') == 3);
    CHECK_THAT(table, Catch::StartsWith("lamina algorithms 2, cuBLASLt " + library_version() +
                                        ", emulated device, 4 multiprocessors\n"));
    // Another algorithm than the chosen one, so that following the table shows.
    const std::string words = " " + std::to_string(chosen) + " ";
    std::string other = table;
    for (std::size_t at = other.find(words); at != std::string::npos; at = other.find(words, at + 1)) {
        other.replace(at, words.size(), chosen == 12 ? " 15 " : " 12 ");
    }

    Blas blas(context, FloatProducts::fp32, Choice::timed);
    blas.import_algorithms(table);
    emulator::forget_library_calls();
    REQUIRE(blas.multiply(matrices.product()));
    REQUIRE(emulator::library_calls().size() == 1);
    CHECK(emulator::library_calls()[0].algorithm == chosen);
    CHECK(matrices.out.values() == values);
    CHECK(blas.exported_algorithms() == table);  // though only one of the two has been met again

    blas.import_algorithms(other);
    REQUIRE(blas.multiply(matrices.product()));
    CHECK(emulator::library_calls().back().algorithm != chosen);
}

TEST_CASE("a table has the problems that are left without an algorithm", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    Blas blas(context, FloatProducts::fp32, Choice::timed);
    CHECK(blas.shall_time(matrices.product()));
    REQUIRE(blas.multiply(matrices.accumulating()));
    blas.give_up(matrices.product());
    const std::string table = blas.exported_algorithms();
    CHECK(std::count(table.begin(), table.end(), '\n') == 3);

    Blas other(context, FloatProducts::fp32, Choice::timed);
    other.import_algorithms(table);
    emulator::forget_library_calls();
    CHECK_FALSE(other.shall_time(matrices.product()));
    CHECK_FALSE(other.multiply(matrices.product()));
    CHECK(emulator::library_calls().empty());
    CHECK(other.take_notes().empty());
    CHECK(other.exported_algorithms() == table);
}

TEST_CASE("once settled, products are made alike in every run, whatever takes the least time there",
          "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    const auto run_of = [&](Blas& blas, const Product& product, std::uint64_t quick) {
        const lamina_tests::PricedProducts prices(
            [=](const auto& call) { return std::chrono::milliseconds(call.algorithm == quick ? 0 : 50); });
        REQUIRE(blas.multiply(product));
        return emulator::library_calls().back().algorithm;
    };
    Blas first(context, FloatProducts::fp32, Choice::timed);
    CHECK(run_of(first, matrices.product(), 15) == 15);
    const std::string table = first.exported_algorithms();

    const auto goes_on = [&](bool settles, std::uint64_t quick) {
        Blas blas(context, FloatProducts::fp32, Choice::timed);
        blas.import_algorithms(table);
        if (settles) blas.settle();
        blas.set_choice(Choice::timed);  // as after an evaluation: it does not take back what is settled
        CHECK(run_of(blas, matrices.product(), quick) == 15);
        CHECK(blas.shall_time(matrices.accumulating()) == !settles);
        return run_of(blas, matrices.accumulating(), quick);
    };
    CHECK(goes_on(false, 12) == 12);  // what settling is against
    CHECK(goes_on(false, 13) == 13);
    CHECK(goes_on(true, 12) == 11);
    CHECK(goes_on(true, 13) == 11);
    first.settle();
    CHECK(run_of(first, matrices.accumulating(), 12) == 11);
}

TEST_CASE("where an imported algorithm does not run here, the quickest that does is taken", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    Blas blas(context, FloatProducts::fp32, Choice::first);
    REQUIRE(blas.multiply(matrices.product()));
    std::string table = blas.exported_algorithms();
    const std::string magic = " " + std::to_string(0x6C616D696E61) + " ";  // that the emulator knows its algorithms by
    REQUIRE(table.find(magic) != std::string::npos);
    table.replace(table.find(magic), magic.size(), " 1 ");
    blas.import_algorithms(table);
    blas.settle();
    blas.set_choice(Choice::timed);
    const lamina_tests::PricedProducts prices(
        [](const auto& call) { return std::chrono::milliseconds(call.algorithm == 12 ? 0 : 50); });
    REQUIRE(blas.multiply(matrices.product()));
    CHECK(emulator::library_calls().back().algorithm == 12);
    CHECK(blas.take_notes().size() == 1);
}

TEST_CASE("a table that does not fit is refused", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    Blas blas(context, FloatProducts::fp32, Choice::first);
    REQUIRE(blas.multiply(matrices.product()));
    const std::string table = blas.exported_algorithms();
    const std::string heading = table.substr(0, table.find('\n'));

    emulator::set_library_version(130209);
    CHECK_THROWS_WITH(blas.import_algorithms(table),
                      "lamina: CudaBackend: a table of algorithms starts with \"" + heading +
                          "\": expected \"lamina algorithms 2, cuBLASLt 13.2.9, emulated device, 4 "
                          "multiprocessors\"; time them anew");
    emulator::set_library_version(CUBLAS_VERSION);
    CHECK_THROWS_WITH(blas.import_algorithms(heading + "\n1 2 3\n"),
                      "lamina: CudaBackend: a table of algorithms, line 2: expected 23 or 31 numbers");
    CHECK_THROWS_WITH(blas.import_algorithms(table + table.substr(heading.size() + 1, 9) + "x\n"),
                      Catch::Contains("line 3: expected 23 or 31 numbers"));
    CHECK_THROWS_AS(blas.import_algorithms(""), Error);

    // Numbers of no algorithm that this library has.
    std::string zeroed = heading + "\n";
    std::size_t number = 0;
    std::string word;
    for (const char letter : table.substr(heading.size() + 1)) {
        if (letter != ' ') {
            word += letter;
            continue;
        }
        zeroed += (number++ < 23 ? word : "0") + " ";
        word.clear();
    }
    blas.import_algorithms(zeroed + "\n");
    emulator::forget_library_calls();
    const auto before = matrices.out.values();
    CHECK(blas.multiply(matrices.product()));  // by the library's first candidate
    CHECK(matrices.out.values() == before);
    const std::vector<std::string> notes = blas.take_notes();
    REQUIRE(notes.size() == 1);
    CHECK_THAT(notes[0], Catch::StartsWith("Matmul: out [8, 24] float") &&
                             Catch::Contains(": its imported algorithm does not run here: ") &&
                             Catch::EndsWith("; another is chosen, so that results are not the same bits"));
    CHECK(blas.multiply(matrices.product()));
    CHECK(blas.take_notes().empty());  // said once
}

TEST_CASE("a product that the library holds to be wrong is noted, and left to another way", "[cuda][algorithms]") {
    Context context(0);
    const Matrices matrices;
    Blas blas(context, FloatProducts::fp32, Choice::timed);
    emulator::refuse_descriptors(1);
    CHECK_FALSE(blas.multiply(matrices.product()));
    CHECK_FALSE(blas.multiply(matrices.product()));  // it is not asked for again
    const std::vector<std::string> notes = blas.take_notes();
    REQUIRE(notes.size() == 1);
    CHECK_THAT(notes[0], Catch::StartsWith("Matmul: out [8, 24] float") &&
                             Catch::EndsWith(": cuBLASLt holds it to be wrong; it is made in another way"));
    CHECK(blas.multiply(matrices.accumulating()));
}
