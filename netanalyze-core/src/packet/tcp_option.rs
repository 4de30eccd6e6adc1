//! TCP options, walked by us: an unknown kind must not hide the options after it.
