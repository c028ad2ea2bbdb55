//! A Lambda function as the process that it is, driven through the Runtime API.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::Failure;
use crate::runtime_api::{Invocation, RuntimeApi};

/// How long one invocation may take.
const DEADLINE: Duration = Duration::from_hours(1);

/// What to start as a function.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
}

impl Program {
    pub(crate) fn binary(path: &Path) -> Self {
        Self { path: path.to_owned(), arguments: Vec::new() }
    }
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The most that it ever had (`VmHWM`).
    pub(crate) peak: u64,
    /// What it has now (`VmRSS`).
    pub(crate) resident: u64,
}

/// A running function. It is killed when it is dropped.
pub(crate) struct FunctionProcess {
    runtime_api: RuntimeApi,
    child: Child,
    started: Instant,
}

impl FunctionProcess {
    /// Starts it, with Lambda's variables and these and no others.
    pub(crate) async fn start(program: &Program, variables: &[(String, String)]) -> Result<Self, Failure> {
        let runtime_api = RuntimeApi::start().await?;
        let started = Instant::now();
        let child = Command::new(&program.path)
            .args(&program.arguments)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.address().to_string())
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { runtime_api, child, started })
    }

    /// Hands it an event and waits for the answer.
    pub(crate) async fn invoke(&mut self, event: &Bytes) -> Result<Invocation, Failure> {
        tokio::select! {
            invocation = self.runtime_api.invoke(event.clone(), DEADLINE) => invocation,
            failure = ended(&mut self.child) => Err(failure),
        }
    }

    /// From its start until this answer.
    pub(crate) fn since_start(&self, invocation: &Invocation) -> Duration {
        invocation.at - self.started
    }

    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        let id = self.child.id();
        memory_in(&std::fs::read_to_string(format!("/proc/{id}/status"))?)
    }

    /// Processor time of the whole process, all its threads.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        let id = self.child.id();
        processor_time_in(&std::fs::read_to_string(format!("/proc/{id}/stat"))?)
    }
}

impl Drop for FunctionProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a process has ended, which it should not; looks from time to time.
async fn ended(child: &mut Child) -> Failure {
    loop {
        match child.try_wait() {
            Ok(None) => tokio::time::sleep(Duration::from_millis(100)).await,
            Ok(Some(status)) => return format!("the function ended: {status}").into(),
            Err(error) => return error.into(),
        }
    }
}

/// What a command prints, without holding up whatever else is done meanwhile.
pub(crate) async fn output(mut command: Command) -> Result<Output, Failure> {
    Ok(tokio::task::spawn_blocking(move || command.output()).await??)
}

/// Reads `/proc/<pid>/status` (`proc_pid_status(5)`); its kB are 1,024 bytes.
fn memory_in(status: &str) -> Result<Memory, Failure> {
    let of = |name: &str| -> Result<u64, Failure> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
        Ok(number.ok_or_else(|| format!("no {name}"))?.parse::<u64>()? * 1024)
    };
    Ok(Memory { peak: of("VmHWM")?, resident: of("VmRSS")? })
}

/// Reads `/proc/<pid>/stat` (`proc_pid_stat(5)`): fields 14 and 15, in hundredths of a second, which Linux has fixed for user space.
fn processor_time_in(stat: &str) -> Result<Duration, Failure> {
    // The second field is the name, in parentheses, and may contain anything.
    let (_, fields) = stat.rsplit_once(") ").ok_or("no process name")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_tells() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    8600 kB\nVmRSS:\t    8000 kB\n";
        assert_eq!(memory_in(status).unwrap(), Memory { peak: 8600 * 1024, resident: 8000 * 1024 });
        assert!(memory_in("Name:\tx\n").is_err());
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 3 0 1 2 3";
        assert_eq!(processor_time_in(stat).unwrap(), Duration::from_millis(1750));
    }
}
