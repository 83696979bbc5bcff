//! Tests of the local stack. They are one program, because each program would compile the generic code of the AWS SDK again.

mod command;
mod common;
mod gallery;
mod lambda;
mod operate;
mod rendezvous;
mod s3_concurrency;
mod s3_events;
mod s3_files;
mod s3_list;
mod s3_multipart;
mod s3_objects;
