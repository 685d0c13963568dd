package failpoints

import "golang.org/x/sys/unix"

// skipCall has the system call that a stopped thread is about to make not be
// made; the kernel takes number -1 for none.
func skipCall(thread int) error {
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &r); err != nil {
		return err
	}
	r.Orig_rax = ^uint64(0)
	return unix.PtraceSetRegs(thread, &r)
}

// setResult is what the call that was skipped returns, an error number negative.
func setResult(thread int, result int64) error {
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &r); err != nil {
		return err
	}
	r.Rax = uint64(result)
	return unix.PtraceSetRegs(thread, &r)
}
