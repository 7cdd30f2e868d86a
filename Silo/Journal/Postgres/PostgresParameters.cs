using Npgsql;

namespace Orleans.Personalize.Journal;

internal static class PostgresParameters
{
    /// <summary>Adds the next of the parameters $1, $2 …, sent in binary.</summary>
    public static NpgsqlBatchCommand With<T>(this NpgsqlBatchCommand command, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return command;
    }

    /// <summary>Adds the next of the parameters $1, $2 …, sent in binary.</summary>
    public static NpgsqlCommand With<T>(this NpgsqlCommand command, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return command;
    }
}
