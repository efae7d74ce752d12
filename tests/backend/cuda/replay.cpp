// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/replay.hpp>

#include <array>
#include <stdexcept>
#include <vector>

#include <lamina/backend/cuda/blas.hpp>
#include <lamina/backend/cuda/matmul.hpp>

#include "backend/cuda/device_matrix.hpp"
#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using lamina_tests::DeviceMatrix;
namespace emulator = lamina_tests::emulator;

namespace {

using Key = std::array<std::uint64_t, 2>;

/// Work whose effect shows how often it ran: adds a product to `out`.
struct Accumulation {
    Device device{0, FloatProducts::bf16x6, Choice::timed};
    DeviceMatrix<float> lhs = DeviceMatrix<float>(5, 33).randomised(1);
    DeviceMatrix<float> rhs = DeviceMatrix<float>(33, 7).randomised(2);
    DeviceMatrix<float> out = DeviceMatrix<float>(5, 7).randomised(3);
    int enqueued = 0;

    void enqueue() {
        ++enqueued;
        execute(device, Matmul<float, float, float>{
                            .out = out.view(), .lhs = lhs.input(), .rhs = rhs.input(), .write = Write::accumulate});
    }
};

}  // namespace

TEST_CASE("work runs once, is recorded once, and then is launched", "[cuda][replay]") {
    Accumulation eager;
    Accumulation replayed;
    // Which algorithm is the quickest may differ from one to the other.
    eager.enqueue();
    replayed.device.blas.import_algorithms(eager.device.blas.exported_algorithms());
    GraphCache graphs(replayed.device, 4);
    const std::size_t before = emulator::graphs_launched();
    const auto replay = [&] { graphs.replay(Key{1, 2}, [&] { replayed.enqueue(); }); };

    const std::array<int, 5> calls{1, 2, 2, 2, 2};
    const std::array<std::size_t, 5> launches{0, 1, 2, 3, 4};
    for (std::size_t i = 0; i < calls.size(); ++i) {
        replay();
        CHECK(replayed.enqueued == calls[i]);
        CHECK(emulator::graphs_launched() - before == launches[i]);
        CHECK(replayed.out.values() == eager.out.values());
        CHECK_FALSE(replayed.device.recording);
        eager.enqueue();
    }
    CHECK(graphs.size() == 1);
}

TEST_CASE("a graph reads what its memory holds when it is launched", "[cuda][replay]") {
    Accumulation work;
    GraphCache graphs(work.device, 4);
    const auto replay = [&] { graphs.replay(Key{}, [&] { work.enqueue(); }); };
    replay();
    replay();
    const auto before = work.out.values();
    for (std::size_t i = 0; i < 5 * 33; ++i) work.lhs.data()[i] = 0;
    replay();
    CHECK(work.out.values() == before);
    CHECK(work.enqueued == 2);
}

TEST_CASE("keys are told apart by their content", "[cuda][replay]") {
    Context context(0);
    GraphCache graphs(context, 4);
    std::array<int, 2> calls{};
    for (int i = 0; i < 3; ++i) {
        graphs.replay(Key{1, 2}, [&] { ++calls[0]; });
        graphs.replay(Key{2, 1}, [&] { ++calls[1]; });
        graphs.replay(std::vector<std::uint64_t>{1, 2}, [&] { ++calls[0]; });
    }
    CHECK(calls[0] == 2);
    CHECK(calls[1] == 2);
    CHECK(graphs.size() == 2);
}

TEST_CASE("scratch that has moved is recorded anew", "[cuda][replay]") {
    Accumulation work;
    GraphCache graphs(work.device, 4);
    const auto replay = [&] { graphs.replay(Key{}, [&] { work.enqueue(); }); };
    replay();
    replay();
    CHECK(work.enqueued == 2);
    static_cast<void>(work.device.scratch<float>(Scratch::lhs, 100'000));
    replay();
    CHECK(work.enqueued == 3);
    replay();
    CHECK(work.enqueued == 3);
    CHECK(graphs.size() == 1);

    Accumulation eager;
    eager.device.blas.import_algorithms(work.device.blas.exported_algorithms());
    for (int i = 0; i < 4; ++i) eager.enqueue();
    CHECK(work.out.values() == eager.out.values());
}

TEST_CASE("the graph that was used longest ago makes room", "[cuda][replay]") {
    Context context(0);
    GraphCache graphs(context, 2);
    std::array<int, 3> calls{};
    const auto replay = [&](std::uint64_t key) { graphs.replay(Key{key, 0}, [&] { ++calls[key]; }); };
    for (const std::uint64_t key : {0, 0, 1, 1, 0, 2, 2, 0, 2}) replay(key);
    CHECK(calls == std::array<int, 3>{2, 2, 2});
    CHECK(graphs.size() == 2);
    replay(1);  // its graph is gone
    CHECK(calls[1] == 3);
}

TEST_CASE("with room for no graph nothing is recorded", "[cuda][replay]") {
    Context context(0);
    GraphCache graphs(context, 0);
    int calls = 0;
    for (int i = 0; i < 3; ++i) graphs.replay(Key{}, [&] { ++calls; });
    CHECK(calls == 3);
}

TEST_CASE("replay within recorded work is part of it", "[cuda][replay]") {
    Accumulation work;
    GraphCache graphs(work.device, 4);
    const auto replay = [&] { graphs.replay(Key{1, 0}, [&] { graphs.replay(Key{2, 0}, [&] { work.enqueue(); }); }); };
    replay();
    replay();
    replay();
    CHECK(work.enqueued == 2);
    Accumulation eager;
    eager.device.blas.import_algorithms(work.device.blas.exported_algorithms());
    for (int i = 0; i < 3; ++i) eager.enqueue();
    CHECK(work.out.values() == eager.out.values());
}

TEST_CASE("an exception while work is recorded leaves nothing queued and the stream in use", "[cuda][replay]") {
    Accumulation work;
    GraphCache graphs(work.device, 4);
    bool fails = false;
    const auto replay = [&] {
        graphs.replay(Key{}, [&] {
            work.enqueue();
            if (fails) throw std::runtime_error("a guard");
        });
    };
    replay();
    const auto before = work.out.values();
    fails = true;
    CHECK_THROWS_WITH(replay(), "a guard");
    CHECK_FALSE(work.device.recording);
    CHECK(work.out.values() == before);
    CHECK_NOTHROW(work.device.wait());

    fails = false;
    const int calls = work.enqueued;
    replay();
    CHECK(work.out.values() != before);
    replay();
    replay();
    CHECK(work.enqueued == calls + 2);
}

TEST_CASE("an exception in the first call is forgotten", "[cuda][replay]") {
    Context context(0);
    GraphCache graphs(context, 4);
    int calls = 0;
    CHECK_THROWS_AS(graphs.replay(Key{}, [&] { throw std::runtime_error("a guard"); }), std::runtime_error);
    for (int i = 0; i < 3; ++i) graphs.replay(Key{}, [&] { ++calls; });
    CHECK(calls == 2);
}

TEST_CASE("work that needs more scratch when it is recorded than before is refused", "[cuda][replay]") {
    Accumulation work;
    GraphCache graphs(work.device, 4);
    std::size_t wanted = 10;
    const auto replay = [&] {
        graphs.replay(Key{}, [&] { static_cast<void>(work.device.scratch<float>(Scratch::rows, wanted)); });
    };
    replay();
    wanted = 11;
    CHECK_THROWS_WITH(replay(), Catch::Contains("scratch memory must not grow while a graph is recorded"));
    CHECK_NOTHROW(replay());
}

TEST_CASE("a graph that cannot be launched or recorded says so", "[cuda][replay]") {
    Context context(0);
    GraphCache graphs(context, 4);
    const auto replay = [&] { graphs.replay(Key{}, [] {}); };
    replay();
    emulator::fail_call(1);
    CHECK_THROWS_WITH(replay(), Catch::Contains("starting to record: cudaErrorLaunchFailure"));
    CHECK_FALSE(context.recording);
    static_cast<void>(cudaGetLastError());
    replay();
    emulator::fail_call(2);
    CHECK_THROWS_WITH(replay(), Catch::Contains("ending a recording: cudaErrorLaunchFailure"));
    static_cast<void>(cudaGetLastError());
    CHECK_FALSE(context.recording);
    CHECK_NOTHROW(context.wait());
}
