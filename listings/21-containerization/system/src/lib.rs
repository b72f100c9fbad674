//! The link shortener as a whole: its images, its Compose file, and the tests with real engines.
