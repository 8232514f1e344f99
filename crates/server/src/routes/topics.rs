//! `POST /api/topics/{topic}`: publish from anything that speaks HTTP. Who may was judged before.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Serialize;
use wirelab_model::{
    Cursor, TopicName,
    frame::ErrorCode,
    message::{Data, DataError},
    topic::TopicError,
};

use crate::{app::App, problem::Problem};

/// Where the message stands now.
#[derive(Serialize)]
pub(crate) struct Published {
    cursor: Cursor,
}

pub(crate) async fn post(
    State(app): State<App>,
    Path(topic): Path<String>,
    body: Bytes,
) -> Result<Json<Published>, Problem> {
    let topic: TopicName = topic
        .parse()
        .map_err(|error: TopicError| Problem::new(error.code(), error.to_string()))?;
    let data = Data::parse(&body).map_err(|error| match error {
        DataError::Json(_) => Problem::new(ErrorCode::BadJson, error.to_string()),
        DataError::TooLarge => Problem::new(ErrorCode::TooLarge, error.to_string()),
    })?;
    let cursor = app.feed.publish_for_client(&topic, &data);
    cursor
        .map(|cursor| Json(Published { cursor }))
        .map_err(|error| Problem::new(error.code(), error.to_string()))
}
