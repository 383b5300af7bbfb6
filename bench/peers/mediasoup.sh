#!/bin/bash
# Builds the worker of mediasoup 3.15.8 from its npm package with the libraries of Debian 12, for `cargo xtask bench sfu`: mediasoup.sh <directory>
# Its own build fetches sources from addresses that a package registry does not replace. Here each of these is a shim around Debian's library.
set -euo pipefail
dir=$1
mkdir -p "$dir"
cd "$dir"
test -x w/out/mediasoup-worker && exit

python3 -m venv venv
venv/bin/pip -q install meson==1.5.0 ninja==1.11.1.4
export PATH=$PWD/venv/bin:$PATH
test -e package.json || npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund mediasoup@3.15.8 ws@8
rm -rf w
cp -r node_modules/mediasoup/worker w

# A subproject whose static libraries are empty; its meson.build is read from standard input.
shim() {
  mkdir -p "$1"
  cat >"$1/meson.build"
  echo "int shim_${1//[^a-z]/_}(void) { return 0; }" >"$1/shim.c"
  sed 's/(void)/()/' "$1/shim.c" >"$1/shim.cpp"
}
cd w/subprojects
shim libuv-v1.48.0 <<'END'
project('libuv', 'c')
libuv = static_library('uv_shim', 'shim.c')
libuv_dep = dependency('libuv')
END
cat >libuv-v1.48.0/meson_options.txt <<'END'
option('build_tests', type: 'boolean', value: false)
option('build_benchmarks', type: 'boolean', value: false)
END
shim openssl-3.0.8 <<'END'
project('openssl', 'c')
libcrypto_lib = static_library('crypto_shim', 'shim.c')
libssl_lib = static_library('ssl_shim', 'shim.c')
openssl_dep = dependency('openssl')
END
shim libsrtp-3.0-alpha <<'END'
project('libsrtp2', 'c')
libsrtp2 = static_library('srtp_shim', 'shim.c')
flags = ['-I/usr/include/srtp2', '-Dsrtp_stream_remove=srtp_remove_stream']
libsrtp2_dep = declare_dependency(dependencies: dependency('libsrtp2'), compile_args: flags)
END
cat >libsrtp-3.0-alpha/meson_options.txt <<'END'
option('crypto-library', type: 'string', value: '')
option('crypto-library-kdf', type: 'string', value: '')
option('tests', type: 'string', value: '')
END
usrsctp=usrsctp-d45b53f5dfa79533f5c5e7aefa5d7570405afb39
shim $usrsctp <<'END'
project('usrsctp', 'c')
usrsctp = static_library('usrsctp_shim', 'shim.c')
usrsctp_dep = dependency('usrsctp')
END
echo "option('sctp_build_programs', type: 'boolean', value: false)" >$usrsctp/meson_options.txt
shim abseil-cpp-20240722.0 <<'END'
project('abseil-cpp', 'cpp')
absl_container_lib = static_library('absl_shim', 'shim.cpp')
absl_strings_dep = dependency('absl_strings')
absl_types_dep = dependency('absl_optional')
parts = ['absl_memory', 'absl_flat_hash_map', 'absl_inlined_vector']
absl_container_dep = declare_dependency(dependencies: [absl_strings_dep, absl_types_dep, dependency(parts[0]), dependency(parts[1]), dependency(parts[2])])
END
shim Catch2-3.6.0 <<'END'
project('catch2', 'cpp')
catch2_dep = declare_dependency()
END
shim flatbuffers-24.3.6 <<'END'
project('flatbuffers', 'cpp')
flatbuffers_lib = static_library('fb_shim', 'shim.cpp')
flatbuffers_dep = meson.get_compiler('cpp').find_library('flatbuffers')
END
cd ..

# Debian's libsrtp2 takes lengths as int*, mediasoup's own as size_t*.
sed -i -E 's/(srtp_(un)?protect(_rtcp)?\(this->session, [A-Za-z]+, )len\)/\1reinterpret_cast<int*>(len))/' src/RTC/SrtpSession.cpp
# Debian's OpenSSL knows kTLS: the BIO's callback must not turn an answer to BIO_CTRL_GET_KTLS_SEND into 1.
sed -i 's/(operationType == BIO_CB_RETURN) ?/(operationType \& BIO_CB_RETURN) ?/' src/RTC/DtlsTransport.cpp
meson setup out -Dbuildtype=release -Db_ndebug=true -Dms_disable_liburing=true --wrap-mode=nodownload
ninja -C out fbs/FBS
ninja -C out mediasoup-worker
