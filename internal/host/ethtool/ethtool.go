// Package ethtool reads and changes what a network interface does for the
// processor, by the kernel's own interface (the ioctl SIOCETHTOOL), in the
// network namespace of the calling thread. It is what the tool of that name does
// by its options -k, -K, -l and -L, as far as profiles need it.
package ethtool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Feature is the state of an offload.
type Feature struct {
	On bool
	// Fixed says that the driver does not let it change.
	Fixed bool
}

// offloads are the features that the kernel knows each offload by
// (netdev_features_strings in net/ethtool/common.c). An offload is on if any of
// them is, as in ethtool_get_feature_mask.
var offloads = map[string][]string{
	"gro": {"rx-gro"},
	"gso": {"tx-generic-segmentation"},
	"tso": {"tx-tcp-segmentation", "tx-tcp6-segmentation"},
	"lro": {"rx-lro"},
}

// Read returns the state of an offload: "gro", "gso", "tso" or "lro". The error
// wraps unix.ENODEV where there is no such interface.
func Read(nic, name string) (Feature, error) {
	names, err := featureNames(nic)
	if err != nil {
		return Feature{}, err
	}
	blocks, err := features(nic, len(names))
	if err != nil {
		return Feature{}, err
	}
	f := Feature{Fixed: true}
	for _, feature := range offloads[name] {
		if i := slices.Index(names, feature); i >= 0 {
			block, bit := blocks[i/32], uint32(1)<<(i%32)
			f.On = f.On || block.active&bit != 0
			f.Fixed = f.Fixed && (block.available&bit == 0 || block.neverChanged&bit != 0)
		}
	}
	return f, nil
}

// Set turns an offload on or off. The kernel may leave it as it is where another
// feature forbids it: read it again.
func Set(nic, name string, on bool) error {
	names, err := featureNames(nic)
	if err != nil {
		return err
	}
	const head = 2 // command and number of blocks, each of which says what is meant and what is wanted
	words := make([]uint32, head+2*((len(names)+31)/32))
	words[0], words[1] = unix.ETHTOOL_SFEATURES, uint32(len(words)-head)/2
	for _, feature := range offloads[name] {
		if i := slices.Index(names, feature); i >= 0 {
			block := words[head+2*(i/32):]
			block[0] |= 1 << (i % 32)
			if on {
				block[1] |= 1 << (i % 32)
			}
		}
	}
	return call(nic, unsafe.Pointer(&words[0]))
}

// From the kernel's include/uapi/linux/ethtool.h.
const (
	featureSet = 4  // ETH_SS_FEATURES, the set of names
	nameLength = 32 // ETH_GSTRING_LEN, the room of each name
)

// featureNames returns the names of all features; the place of a name is the
// number of its bit, which differs between kernels.
func featureNames(nic string) ([]string, error) {
	var count struct { // struct ethtool_sset_info, for one set
		cmd, reserved uint32
		mask          uint64
		n             uint32
	}
	count.cmd, count.mask = unix.ETHTOOL_GSSET_INFO, 1<<featureSet
	if err := call(nic, unsafe.Pointer(&count)); err != nil {
		return nil, err
	}
	text := make([]byte, 12+int(count.n)*nameLength) // struct ethtool_gstrings
	for i, word := range []uint32{unix.ETHTOOL_GSTRINGS, featureSet, count.n} {
		binary.NativeEndian.PutUint32(text[4*i:], word)
	}
	if err := call(nic, unsafe.Pointer(&text[0])); err != nil {
		return nil, err
	}
	var names []string
	for name := range slices.Chunk(text[12:], nameLength) {
		name, _, _ = bytes.Cut(name, []byte{0})
		names = append(names, string(name))
	}
	return names, nil
}

// featureBlock is the state of 32 features (struct ethtool_get_features_block).
type featureBlock struct{ available, requested, active, neverChanged uint32 }

func features(nic string, n int) ([]featureBlock, error) {
	const head = 8 // command and number of blocks, half a block
	blocks := (n + 31) / 32
	words := make([]uint32, head/4+4*blocks)
	words[0], words[1] = unix.ETHTOOL_GFEATURES, uint32(blocks)
	if err := call(nic, unsafe.Pointer(&words[0])); err != nil {
		return nil, err
	}
	var all []featureBlock
	for b := range slices.Chunk(words[head/4:], 4) {
		all = append(all, featureBlock{b[0], b[1], b[2], b[3]})
	}
	return all, nil
}

// request is a struct ifreq that carries a pointer.
type request struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// call makes one request of the kernel, which begins with its command.
func call(nic string, data unsafe.Pointer) error {
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("ethtool: %w", err)
	}
	defer unix.Close(socket)
	r := request{data: data}
	copy(r.name[:unix.IFNAMSIZ-1], nic)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r)))
	runtime.KeepAlive(data)
	if errno != 0 {
		return fmt.Errorf("ethtool %s: %w", nic, errno)
	}
	return nil
}
