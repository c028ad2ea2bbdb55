//! From what a function crate hands to `lambda_runtime::run` or `lambda_http::run`, to a [`Function`].

use std::{marker::PhantomData, sync::Arc};

use axum::Router;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use lambda_http::{Adapter, request::LambdaRequest};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::{Serialize, de::DeserializeOwned};
use tower::{Service, ServiceExt as _};

use super::{Function, FunctionError};

/// A function from the service that its `main` gives to `lambda_runtime::run`. The service is cloned for each event, so events run side
/// by side as they do in several sandboxes.
pub fn from_service<S, In, Out>(service: S) -> Arc<dyn Function>
where
    S: Service<LambdaEvent<In>, Response = Out> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Diagnostic> + Send,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    Arc::new(ServiceFunction { service, types: PhantomData })
}

/// A function from the router that its `main` gives to `lambda_http::run`. Events and answers go through the conversion of `lambda_http`
/// itself, so what an event loses or gains on its way to the router is the same here and in AWS.
pub fn http(router: Router) -> Arc<dyn Function> {
    Arc::new(HttpFunction { router })
}

struct ServiceFunction<S, In, Out> {
    service: S,
    types: PhantomData<fn(In) -> Out>,
}

impl<S, In, Out> Function for ServiceFunction<S, In, Out>
where
    S: Service<LambdaEvent<In>, Response = Out> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Diagnostic> + Send,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    fn invoke(&self, event: Bytes, context: Context) -> BoxFuture<'_, Result<Bytes, FunctionError>> {
        let service = self.service.clone();
        Box::pin(async move {
            let event = LambdaEvent::new(read(&event)?, context);
            let answer = service.oneshot(event).await.map_err(|error| FunctionError::from(error.into()))?;
            write(&answer)
        })
    }
}

struct HttpFunction {
    router: Router,
}

impl Function for HttpFunction {
    fn invoke(&self, event: Bytes, context: Context) -> BoxFuture<'_, Result<Bytes, FunctionError>> {
        Box::pin(async move {
            let event = LambdaEvent::new(read::<LambdaRequest>(&event)?, context);
            // A router is always ready, and its adapter must not live across an await: it is not `Send`, its future is.
            let answer = Adapter::from(self.router.clone()).call(event);
            match answer.await {
                Ok(answer) => write(&answer),
                Err(never) => match never {},
            }
        })
    }
}

fn read<In: DeserializeOwned>(event: &[u8]) -> Result<In, FunctionError> {
    serde_json::from_slice(event).map_err(|error| {
        let message = format!("failed to deserialize the incoming data into the function's payload type: {error}");
        FunctionError::new("lambda_runtime::deserializer::DeserializeError", message)
    })
}

fn write<Out: Serialize>(answer: &Out) -> Result<Bytes, FunctionError> {
    let body = serde_json::to_vec(answer)
        .map_err(|error| FunctionError::new("serde_json::error::Error", error.to_string()))?;
    Ok(Bytes::from(body))
}
