// The test bench: golden images through the accelerator, every byte of every output compared.
//
// test_bench [DIRECTORY [ROUNDS]]: of the network's files, and how often all images are run. Returns 0 if all is equal.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "network.hpp"
#include "vitaccel.hpp"

namespace {

static_assert(network::IMAGES > 0, "there is a golden image to compare with");

using Bytes = std::vector<char>;

Bytes content(const std::string& path, uint64_t size) {
    Bytes bytes(size);
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file || std::fread(bytes.data(), 1, size, file) != size) {
        std::fprintf(stderr, "error: %s must be a file of %llu bytes\n", path.c_str(), (unsigned long long)size);
        std::exit(2);
    }
    std::fclose(file);
    return bytes;
}

// Nothing but `make check` sees to it that a program keeps to memory and buffers: a damaged one may end in this.
void reached_outside(int) {
    std::fputs("error: the program must keep to its memory and its buffers, and does not; make check says where\n", stderr);
    std::_Exit(2);
}

// What outputs hold before a run, so that one of an earlier run is not taken for this one's.
constexpr int POISON = 0xa5;

uint64_t bytes_of(const network::Region* regions, int count) {
    uint64_t bytes = 0;
    for (int n = 0; n < count; ++n) bytes += regions[n].bytes;
    return bytes;
}

struct System {
    System(const std::string& folder)
        : memory(network::MEMORY_BYTES / sizeof(MemoryWord) + 1),
          program(network::PROGRAM_BYTES / sizeof(uint32_t)) {
        const Bytes weights = content(folder + "/weights.bin", network::WEIGHTS_BYTES);
        std::memcpy(at(network::WEIGHTS), weights.data(), weights.size());
        const Bytes words = content(folder + "/program.bin", network::PROGRAM_BYTES);
        std::memcpy(program.data(), words.data(), words.size());
    }

    int8_t* at(uint64_t address) { return reinterpret_cast<int8_t*>(memory.data()) + address; }

    // Run an image; returns how many bytes of its outputs are wrong, and tells of the first.
    uint64_t run(const char* golden) {
        for (const auto& region : network::INPUTS) {
            std::memcpy(at(region.address), golden, region.bytes);
            golden += region.bytes;
        }
        for (const auto& region : network::OUTPUTS) std::memset(at(region.address), POISON, region.bytes);
        uint32_t error = 0;
        vitaccel_top(program.data(), memory.data(), memory.data(), &error);
        if (error) {
            std::fprintf(stderr, "error: the program must be one for this machine, and is refused with %u\n", error);
            std::exit(2);
        }
        uint64_t wrong = 0;
        for (const auto& region : network::OUTPUTS) {
            for (uint64_t n = 0; n < region.bytes; ++n) {
                const int found = at(region.address)[n], expected = int8_t(golden[n]);
                if (found != expected && !wrong++)
                    std::fprintf(
                        stderr, "byte %llu of the output at %#llx must be %d, not %d\n", (unsigned long long)n,
                        (unsigned long long)region.address, expected, found);
            }
            golden += region.bytes;
        }
        return wrong;
    }

    std::vector<MemoryWord> memory;
    std::vector<uint32_t> program;
};

}  // namespace

int main(int count, char** arguments) {
#ifndef __SANITIZE_ADDRESS__
    std::signal(SIGSEGV, reached_outside);
#endif
    const std::string folder = count > 1 ? arguments[1] : ".";
    const int rounds = count > 2 ? std::atoi(arguments[2]) : 1;
    if (rounds < 1) {
        std::fprintf(stderr, "error: rounds must be a number of 1 or more, not %s\n", arguments[2]);
        return 2;
    }
    const uint64_t inputs = bytes_of(network::INPUTS, sizeof network::INPUTS / sizeof *network::INPUTS);
    const uint64_t outputs = bytes_of(network::OUTPUTS, sizeof network::OUTPUTS / sizeof *network::OUTPUTS);
    const Bytes golden = content(folder + "/golden.bin", network::IMAGES * (inputs + outputs));
    System system(folder);
    uint64_t wrong = 0;
    const auto began = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds; ++round) {
        for (int image = 0; image < network::IMAGES; ++image)
            wrong += system.run(golden.data() + image * (inputs + outputs));
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const double runs = double(rounds) * network::IMAGES;
    if (wrong)
        std::printf("%.0f runs: %llu bytes of the outputs are wrong\n", runs, (unsigned long long)wrong);
    else
        std::printf("%.0f runs: every byte of the outputs is the interpreter's; ", runs);
    if (!wrong) std::printf("%.1f runs a second\n", runs / seconds);
    return wrong ? 1 : 0;
}
