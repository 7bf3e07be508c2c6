#!/usr/bin/env bash
# What surrounds the process of one pod: an interface with the pod's address, a way to the API server, and the folder of
# its service account where every client looks for it. It runs in a network and a mount namespace of its own, and becomes the
# process. Arguments: ADDRESS LINK OUTER ACCOUNT COMMAND…
#   LINK     the name of the other end of the interface, in the network of the process OUTER
#   ACCOUNT  the folder with token, ca.crt and namespace
set -euo pipefail
address=$1 link=$2 outer=$3 account=$4
shift 4
ip link set lo up
ip link add eth0 type veth peer name "$link" netns "$outer"
ip address add "$address/32" dev eth0
ip link set eth0 up
ip route add 10.96.0.1 dev eth0
ip route add default via 10.96.0.1
nsenter --net="/proc/$outer/ns/net" bash -c "ip link set $link up && ip route replace $address dev $link"
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io
ln -s "$account" /run/secrets/kubernetes.io/serviceaccount
exec "$@"
