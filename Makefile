# A thin face over CMake and the scripts; `make` says what there is.
PRESET ?= dev

help:
	@echo "make build   build/$(PRESET)/taskq (PRESET=dev, release, asan or tsan)"
	@echo "make test    everything that CI runs; scripts/test --help for less"
	@echo "make asan    the specs against a build with sanitizers"
	@echo "make tsan    those that run threads, against a build with the thread sanitizer"
	@echo "make format  format the C files"
	@echo "make lint    check the C format and the Lua style"
	@echo "make clean   remove build/"

build:
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET)

test:
	scripts/test

asan:
	scripts/test --asan

tsan:
	scripts/test --tsan

format:
	find src spec -name '*.[ch]' -print0 | xargs -0 clang-format -i

lint:
	find src spec -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
	luacheck -q .

clean:
	rm -rf build

.PHONY: help build test asan tsan format lint clean
