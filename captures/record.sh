#!/usr/bin/env bash
#
# Records this folder's captures anew: real programs that speak RTMP with each
# other on the loopback interface of a network namespace of their own, so that
# nothing outside is disturbed and nothing from outside gets in.
#
#   usage: record.sh [DIRECTORY [NAME...]]
#
# DIRECTORY receives the files (default: the folder of this script); NAMEs pick
# captures without their ending, as in `record.sh /tmp/new refusals-nginx`.
# connect-228.pcap is not recorded: build_connect.py writes it.
#
# Needs root (for the namespace and the capture) and ffmpeg, nginx with its RTMP
# module, rtmpdump, GStreamer with rtmp2sink and rtmp2src, tcpdump, dumpcap,
# iproute2, ethtool, curl, openssl, python3; and npm with a registry for
# node-media-server-publish, unless NODE_MEDIA_SERVER names the folder of an
# installed node-media-server package.

set -euo pipefail

readonly NAMES=(
    ffmpeg-nginx-publish
    ffmpeg-nginx-play
    rtmpdump-nginx-vod
    rtmpe-rtmpdump
    gstreamer-nginx
    node-media-server-publish
    extended-timestamp
    refusals-nginx
    not-rtmp-on-1935
    ipv6-sll2
    other-port
)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "record.sh: $*"
    exit 1
}

# --- outside the namespace ---------------------------------------------------

# Everything that needs the network, then this script once more, inside.
outside() {
    local here output name
    (( EUID == 0 )) || die "needs root: a network namespace and a packet capture"
    here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
    output=${1:-$here}
    shift || true
    (( $# )) || set -- "${NAMES[@]}"
    for name; do
        [[ " ${NAMES[*]} " == *" $name "* ]] || die "no capture is called $name; there are: ${NAMES[*]}"
    done
    mkdir -p -- "$output"
    output=$(cd -- "$output" && pwd)

    RECORD_SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/record.XXXXXX")
    export RECORD_SCRATCH
    trap 'rm -rf -- "$RECORD_SCRATCH"' EXIT

    if [[ " $* " == *" node-media-server-publish "* && -z ${NODE_MEDIA_SERVER:-} ]]; then
        npm install --silent --no-audit --no-fund --prefix "$RECORD_SCRATCH" node-media-server@4.4.3 >&2
        NODE_MEDIA_SERVER=$RECORD_SCRATCH/node_modules/node-media-server
    fi
    export NODE_MEDIA_SERVER=${NODE_MEDIA_SERVER:-}

    RECORD_HERE=$here RECORD_INSIDE=1 unshare --net -- "$BASH" "$here/$(basename -- "${BASH_SOURCE[0]}")" "$output" "$@"
}

# --- programs that run meanwhile ---------------------------------------------

declare -A RUNNING=()       # name -> process id: only these are ever ended

# start NAME COMMAND...: in the background, its output in the scratch folder.
start() {
    local name=$1
    shift
    "$@" >"$RECORD_SCRATCH/$name.log" 2>&1 </dev/null &
    RUNNING[$name]=$!
}

# finish NAME: wait until it ends by itself, however it ends.
finish() {
    wait "${RUNNING[$1]}" || true
    unset "RUNNING[$1]"
}

# stop NAME: end it in good order.
stop() {
    kill -TERM "${RUNNING[$1]}" 2>/dev/null || true
    finish "$1"
}

stop_all() {
    local name
    for name in "${!RUNNING[@]}"; do stop "$name"; done
}

# until_true COMMAND...: try for ten seconds.
until_true() {
    local attempt
    for (( attempt = 0; attempt < 200; attempt++ )); do
        if "$@" 2>/dev/null; then return; fi
        sleep 0.05
    done
    die "waited in vain for: $*"
}

listening() { [[ -n $(ss -Htln "sport = :$1") ]]; }

connected() { [[ -n $(ss -Htn state established "dport = :$1") ]]; }

# --- the capture -------------------------------------------------------------

# capture NAME FILTER: begin NAME.pcap with whole packets, back when it listens.
capture() {
    start tcpdump tcpdump -Z root -n -i lo -B 16384 -U -w "$OUTPUT/$1.pcap" "$2"
    until_true grep -q 'listening on' "$RECORD_SCRATCH/tcpdump.log"
    sleep 0.3
}

# The kernel hands packets over in blocks, up to a second late.
end_capture() {
    sleep 1.3
    stop tcpdump
    grep -q '^0 packets dropped by kernel' "$RECORD_SCRATCH/tcpdump.log" || die "packets were dropped"
}

# --- servers -----------------------------------------------------------------

# nginx LISTEN < what else belongs into the RTMP server, applications above all
nginx_with() {
    local listen=$1
    cat >"$RECORD_SCRATCH/nginx.conf" <<END
daemon off; worker_processes 1; user root;
load_module modules/ngx_rtmp_module.so;
pid $RECORD_SCRATCH/nginx.pid; error_log $RECORD_SCRATCH/nginx.err warn;
events { worker_connections 64; }
rtmp { access_log off; server { listen $listen; $(cat) } }
END
    start nginx nginx -e "$RECORD_SCRATCH/nginx.err" -c "$RECORD_SCRATCH/nginx.conf"
    until_true listening "${listen##*:}"
}

node_media_server() {
    [[ -f $NODE_MEDIA_SERVER/bin/app.js ]] || die "no node-media-server in $NODE_MEDIA_SERVER"
    mkdir -p "$RECORD_SCRATCH/nms"
    cat >"$RECORD_SCRATCH/nms/config.json" <<'END'
{ "bind": "127.0.0.1", "rtmp": { "port": 1935 }, "webadmin": { "enable": false }, "store": { "path": "./data" } }
END
    start server node "$NODE_MEDIA_SERVER/bin/app.js" --config "$RECORD_SCRATCH/nms/config.json"
    until_true listening 1935
}

# --- media and clients -------------------------------------------------------

# clip NAME SECONDS KBITS: a test picture (H.264 with B frames) and a sine tone (AAC).
clip() {
    [[ -f $RECORD_SCRATCH/$1.flv ]] && return
    ffmpeg -v error -nostdin \
        -f lavfi -i testsrc2=size=160x120:rate=12 -f lavfi -i sine=frequency=440:sample_rate=22050 -t "$2" \
        -c:v libx264 -preset veryfast -bf 2 -g 24 -b:v "$3k" -maxrate "$3k" -bufsize "$3k" -pix_fmt yuv420p \
        -c:a aac -b:a 32k -ac 1 -f flv "$RECORD_SCRATCH/$1.flv"
}

# The same in Sorenson H.263 and MP3.
clip_without_records() {
    ffmpeg -v error -nostdin \
        -f lavfi -i testsrc2=size=160x120:rate=12 -f lavfi -i sine=frequency=440:sample_rate=22050 -t 2.5 \
        -c:v flv1 -g 12 -q:v 16 -c:a libmp3lame -b:a 32k -ac 1 -f flv "$RECORD_SCRATCH/old.flv"
}

# publish CLIP URL [OUTPUT OPTION...]: in real time, until the clip ends.
publish() {
    local clip=$1 url=$2
    shift 2
    ffmpeg -v error -nostdin -re -i "$RECORD_SCRATCH/$clip.flv" -c copy "$@" -f flv "$url"
}

# play URL SECONDS: throw away what comes, then leave. A single signal makes ffmpeg
# say deleteStream, but only when the next packet comes: the publisher has to last
# longer. (timeout would send two without --foreground.) Even so the command may be
# lost: it waits in the kernel for an acknowledgement, and closing a socket with
# media unread resets the connection.
play() {
    timeout --foreground -k 5 "$2" \
        ffmpeg -v error -nostdin -analyzeduration 500000 -fpsprobesize 2 -i "$1" -c copy -f null - || true
}

# --- one function for each capture -------------------------------------------

# A publisher from its first packet to its last; its stream's name has a token.
ffmpeg-nginx-publish() {
    clip short 3 60
    nginx_with 127.0.0.1:1935 <<<'chunk_size 4096; application live { live on; }'
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    publish short 'rtmp://127.0.0.1/live/s1?token=abc123'
    end_capture
}

# A player that joins a running stream and waits when the publisher goes away, which
# comes back later. The server asks for a sign of life after a quiet second. The
# publisher uses another port, and so is not in the file.
ffmpeg-nginx-play() {
    clip short 3 60
    nginx_with 127.0.0.1:1935 <<<'listen 127.0.0.1:1936; ping 1s; ping_timeout 10s; application live { live on; }'
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    start publisher publish short rtmp://127.0.0.1:1936/live/s1
    until_true connected 1936
    sleep 1
    start player play rtmp://127.0.0.1/live/s1 6.3
    finish publisher
    sleep 2.2
    start publisher publish short rtmp://127.0.0.1:1936/live/s1 -output_ts_offset 6
    finish player
    finish publisher
    end_capture
}

# A recorded file played by librtmp: connect has arguments of every kind that -C
# knows, control messages begin with chunks of type 1 and 3, and the small window
# makes the player acknowledge all the time.
rtmpdump-nginx-vod() {
    clip vod 4 120
    nginx_with 127.0.0.1:1935 <<<"ack_window 20000; application vod { play $RECORD_SCRATCH; }"
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    timeout 20 rtmpdump -q -r rtmp://127.0.0.1/vod -y vod.flv \
        -C S:hello -C N:42.5 -C B:1 -C Z: -C O:1 -C NS:k:v -C NN:n:7 -C O:0 -o /dev/null || true
    end_capture
}

# librtmp asks for encryption of version 6; the server, a small one of ours, answers
# with 6, 8 and 9. What follows the handshake is the encrypted connect, to which there
# is no answer.
rtmpe-rtmpdump() {
    local version
    start server python3 "$RECORD_HERE/rtmpe_server.py" 1935 6 8 9
    until_true listening 1935
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    for version in 6 8 9; do
        timeout 20 rtmpdump -q -r rtmpe://127.0.0.1/live -y s1 -o /dev/null || true
    done
    finish server
    end_capture
}

# GStreamer at both ends.
gstreamer-nginx() {
    nginx_with 127.0.0.1:1935 <<<'application live { live on; }'
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    start publisher gst-launch-1.0 -q \
        videotestsrc num-buffers=36 is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=12/1 \
        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 bitrate=60 ! h264parse \
        ! flvmux streamable=true name=mux ! rtmp2sink location=rtmp://127.0.0.1/live/g1 \
        audiotestsrc num-buffers=65 is-live=true ! audio/x-raw,rate=22050,channels=1 \
        ! avenc_aac bitrate=32000 ! mux.
    until_true connected 1935
    sleep 0.7
    timeout -s INT 1.5 gst-launch-1.0 -q rtmp2src location=rtmp://127.0.0.1/live/g1 ! fakesink >&2 || true
    finish publisher
    end_capture
}

# Another server: one chunk size of 65535 for both directions.
node-media-server-publish() {
    clip short 3 60
    node_media_server
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    start publisher publish short rtmp://127.0.0.1/live/s1
    until_true connected 1935
    sleep 0.8
    play rtmp://127.0.0.1/live/s1 1.5
    finish publisher
    end_capture
}

# Time passes 0xffffff ms in the first stream, by deltas that need no extension.
# It lies beyond in the second, whose publisher starts with extended deltas and
# whose player gets extended absolute times; its codecs have no configuration
# records, so that this happens to whole pictures, and chunks are so small that
# chunks of type 3 repeat the field.
extended-timestamp() {
    clip short 3 60
    clip_without_records
    nginx_with 127.0.0.1:1935 <<<'chunk_size 128; application live { live on; }'
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    publish short rtmp://127.0.0.1/live/s1 -copyts -output_ts_offset 16775.5 -t 2.5
    start publisher publish old rtmp://127.0.0.1/live/s2 -copyts -output_ts_offset 20000
    until_true connected 1935
    sleep 0.5
    play rtmp://127.0.0.1/live/s2 1.5
    finish publisher
    end_capture
}

# The server says no three times: to any publisher, to the second publisher of
# one name, to an application that it does not have.
refusals-nginx() {
    clip short 3 60
    nginx_with 127.0.0.1:1935 <<<'application live { live on; } application closed { live on; deny publish all; }'
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    publish short rtmp://127.0.0.1/closed/s1 || true
    start publisher publish short rtmp://127.0.0.1/live/s1 -vn -t 1.2
    until_true connected 1935
    sleep 0.4
    publish short rtmp://127.0.0.1/live/s1 -vn || true
    finish publisher
    publish short rtmp://127.0.0.1/nowhere/s1 || true
    end_capture
}

# What else comes to this port: HTTP, TLS, noise, half a handshake, nothing at
# all, and an attempt where nobody listens.
not-rtmp-on-1935() {
    { printf '\xa7'; head -c 299 /dev/urandom; } >"$RECORD_SCRATCH/noise"
    { printf '\x03\0\0\0\0\0\0\0\0'; head -c 760 /dev/urandom; } >"$RECORD_SCRATCH/half"
    nginx_with 127.0.0.1:1935 <<<'application live { live on; }'
    capture "${FUNCNAME[0]}" 'tcp port 1935'
    curl -s --max-time 1 http://127.0.0.1:1935/ || true
    timeout 1 openssl s_client -connect 127.0.0.1:1935 -servername example.test </dev/null >/dev/null 2>&1 || true
    { cat "$RECORD_SCRATCH/noise"; sleep 0.2; } >/dev/tcp/127.0.0.1/1935
    { cat "$RECORD_SCRATCH/half"; sleep 0.2; } >/dev/tcp/127.0.0.1/1935
    sleep 0.2 >/dev/tcp/127.0.0.1/1935
    { true >/dev/tcp/127.0.0.2/1935; } 2>/dev/null || true
    end_capture
}

# One session over IPv6, seen through the interface `any`, to the nanosecond.
ipv6-sll2() {
    clip tiny 2 60
    nginx_with '[::1]:1935' <<<'application live { live on; }'
    start dumpcap dumpcap -q -i any -y LINUX_SLL2 -f 'tcp port 1935' -B 16 -w "$RECORD_SCRATCH/any.pcapng"
    until_true grep -q '^File:' "$RECORD_SCRATCH/dumpcap.log"
    sleep 0.3
    publish tiny 'rtmp://[::1]/live/s1'
    sleep 1.3
    stop dumpcap
    without_machine "$RECORD_SCRATCH/any.pcapng" "$OUTPUT/${FUNCNAME[0]}.pcapng"
}

# without_machine FROM TO: leave out the options in which dumpcap tells about the
# processor and the kernel: shb_hardware, shb_os, if_os.
without_machine() {
    python3 - "$1" "$2" <<'END'
import struct
import sys
from pathlib import Path

SECTION, INTERFACE = 0x0A0D0D0A, 1
FIXED = {SECTION: 16, INTERFACE: 8}             # bytes before the options
UNWANTED = {SECTION: {2, 3}, INTERFACE: {12}}

data, out, at = Path(sys.argv[1]).read_bytes(), bytearray(), 0
while at < len(data):
    kind, length = struct.unpack_from("=II", data, at)
    body = data[at + 8 : at + length - 4]
    if kind in FIXED:
        place = FIXED[kind]
        kept = bytearray(body[:place])
        while place < len(body):
            code, size = struct.unpack_from("=HH", body, place)
            end = place + 4 + (size + 3) // 4 * 4
            if code not in UNWANTED[kind]:
                kept += body[place:end]
            place = end
        body = bytes(kept)
    out += struct.pack("=II", kind, len(body) + 12) + body + struct.pack("=I", len(body) + 12)
    at += length
Path(sys.argv[2]).write_bytes(out)
END
}

# Nothing but the content says that this is RTMP.
other-port() {
    clip tiny 2 60
    nginx_with 127.0.0.1:19350 <<<'application live { live on; }'
    capture "${FUNCNAME[0]}" 'tcp port 19350'
    publish tiny rtmp://127.0.0.1:19350/live/s1 -vn -t 1
    end_capture
}

# --- inside the namespace ----------------------------------------------------

inside() {
    local name
    readonly OUTPUT=$1
    shift
    trap stop_all EXIT
    # Packets of a size that a real network would carry, one segment in each.
    ip link set lo up mtu 1500
    ethtool -K lo tso off gso off gro off >/dev/null
    for name; do
        say "recording $name"
        "$name"
        stop_all
    done
}

if [[ -n ${RECORD_INSIDE:-} ]]; then
    inside "$@"
else
    outside "$@"
fi
